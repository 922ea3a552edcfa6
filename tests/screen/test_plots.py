"""The geometry of plots: golden cases, and laws for any values."""

from hypothesis import given
from hypothesis import strategies as st

from app.screen.plots import GAP, Curve, Line, Step, curve, spark, stack, steps, tick_step

counts = st.integers(0, 10**9)


def test_a_funnel_is_drawn_to_one_linear_scale() -> None:
    assert steps([300, 150, 75]) == [Step(100, 50), Step(50, 25), Step(25, 0)]


def test_a_first_bar_that_would_dwarf_the_others_is_cut_off_and_says_so() -> None:
    assert steps([2_000, 300, 150]) == [Step(100, 100, times=7), Step(100, 50), Step(50, 0)]


def test_a_funnel_without_anybody_has_no_bars() -> None:
    assert [step.width for step in steps([0, 0])] == [0, 0]


@given(st.lists(counts, min_size=2).map(lambda each: sorted(each, reverse=True)))
def test_bars_never_leave_the_plot_and_keep_the_order(reached: list[int]) -> None:
    widths = [step.width for step in steps(reached)]
    assert all(0 <= width <= 100 for width in widths)
    assert widths == sorted(widths, reverse=True)


def test_a_stack_begins_at_the_base_and_ends_at_its_sum() -> None:
    plot = stack([[10, 30]], top=0, base=100)
    assert plot.grid == [Line(0, 100), Line(10, 75), Line(20, 50), Line(30, 25), Line(40, 0)]
    lower, upper = plot.columns[0].parts
    assert (lower.y, lower.height) == (75, 25 - GAP)
    assert (upper.y, upper.height) == (0, 75 - GAP)


@given(st.lists(st.lists(counts, max_size=6), max_size=30))
def test_columns_stay_between_base_and_top_beside_each_other(values: list[list[int]]) -> None:
    plot = stack(values, top=14, base=262)
    parts = [part for column in plot.columns for part in column.parts]
    assert all(part.y >= 14 - 1e-6 and part.y + part.height <= 262 + GAP for part in parts)
    assert all(column.x + column.width <= 100 for column in plot.columns)
    assert all(a.x + a.width < b.x for a, b in zip(plot.columns, plot.columns[1:], strict=False))


@given(counts)
def test_grid_lines_are_few_and_round(most: int) -> None:
    step = tick_step(most)
    assert str(step).rstrip("0") in {"1", "2", "5"}
    assert most / step <= 4


def test_a_spark_goes_from_edge_to_edge_with_zero_at_the_bottom() -> None:
    assert spark([0, 5, 10]).line == "M0,100.0 L500,52.5 L1000,5.0"
    assert spark([0, 5, 10]).area == "M0,100.0 L500,52.5 L1000,5.0 L1000,100 L0,100Z"


def test_a_spark_of_one_value_is_level_and_of_none_at_the_bottom() -> None:
    assert spark([3]).line == "M0,5.0 L1000,5.0"
    assert spark([]).line == "M0,100.0 L1000,100.0"


def test_a_curve_has_its_interval_as_a_band_around_it() -> None:
    drawn = curve([(0, 0.5, 0.25, 0.75), (10, 1, 0.5, 1)], 0, 10)
    assert drawn == Curve("M0,50.0 L1000,0.0", "M0,25.0 L1000,0.0 L1000,50.0 L0,75.0Z")
    assert curve([], 0, 1) == Curve("", "")
