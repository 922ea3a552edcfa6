"""The geometry of charts, and that a waterfall sums exactly."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.screen.charts import Bar, Plot, Scale, Waterfall, bar, plot, scale_of, waterfall

CENTS = st.decimals(-1_000, 1_000, places=2)


def about(value: float) -> Any:
    return pytest.approx(value, abs=0.001)


FIRST = date(2026, 11, 1)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 65, Bar(100 / 3, 130 / 3, is_negative=False)),
        (0, -25, Bar(50 / 3, 50 / 3, is_negative=True)),
        (0, 0, Bar(100 / 3, 0, is_negative=False)),
        (0, 1_000, Bar(100 / 3, 200 / 3, is_negative=False)),
    ],
)
def test_a_bar_goes_from_one_value_to_the_other(start: float, end: float, expected: Bar) -> None:
    found = bar(Scale(-50, 100), start, end)
    assert (found.x, found.width, found.is_negative) == pytest.approx(
        (expected.x, expected.width, expected.is_negative)
    )


@pytest.mark.parametrize(
    ("low", "high", "thresholds", "expected"),
    [
        (0, 100, [60, 25], Scale(0, 100)),
        (-50, 100, [], Scale(-50, 100)),
        (10, 100, [], Scale(0, 100)),
        (None, None, [40, 80], Scale(0, 100)),
        (None, None, [-20, 80], Scale(-20, 100)),
        (None, None, [], Scale(0, 1)),
        (-50, -10, [], Scale(-50, 0)),
    ],
)
def test_a_scale_spans_the_score_s_limits(
    low: float | None, high: float | None, thresholds: list[float], expected: Scale
) -> None:
    assert scale_of(low, high, thresholds) == expected


def test_a_waterfall_of_three_lines() -> None:
    assert waterfall([40.0, 20.0, -10.0], [80.0]) == Waterfall(
        bars=(
            Bar(0, about(45.4545), is_negative=False),
            Bar(about(45.4545), about(22.7273), is_negative=False),
            Bar(about(56.8182), about(11.3636), is_negative=True),
        ),
        ends=(about(45.4545), about(68.1818), about(56.8182)),
        sum_bar=Bar(0, about(56.8182), is_negative=False),
        total=50.0,
        marks=((80.0, about(90.9091)),),
    )


@given(st.lists(CENTS, max_size=40), st.lists(st.integers(0, 500), max_size=3))
def test_a_waterfall_sums_exactly_and_stays_inside(lines: list[Decimal], thresholds: list[int]) -> None:
    chart = waterfall([float(line) for line in lines], [float(each) for each in thresholds])
    assert Decimal(str(chart.total)) == sum(lines, Decimal(0))
    assert len(chart.bars) == len(chart.ends) == len(lines)
    for before, each in zip((chart.sum_bar, *chart.bars), chart.bars, strict=False):
        assert 0 <= each.x <= each.x + each.width <= 100 + 1e-9, before


@given(st.lists(CENTS, min_size=1, max_size=40))
def test_each_bar_of_a_waterfall_begins_where_the_one_before_ends(lines: list[Decimal]) -> None:
    chart = waterfall([float(line) for line in lines], [])
    for each, end, after in zip(chart.bars, chart.ends, chart.bars[1:], strict=False):
        assert end == pytest.approx(each.x if each.is_negative else each.x + each.width)
        assert end == pytest.approx(after.x + after.width if after.is_negative else after.x)


def test_a_line_over_days() -> None:
    days = [FIRST + timedelta(number) for number in (0, 5, 10)]
    drawn = plot(days, [0, 50, 100], [80])
    assert drawn == Plot(days[0], days[-1], Scale(0, about(110)))
    values = list(zip(days, [0.0, 55.0, 110.0], strict=True))
    assert drawn.line(values) == "M0.0,1000.0 L500.0,500.0 L1000.0,0.0"
    assert drawn.area(values) == "M0.0,1000.0 L500.0,500.0 L1000.0,0.0 L1000.0,1000.0 L0.0,1000.0Z"


def test_a_single_day_and_no_day_at_all_are_drawn_too() -> None:
    drawn = plot([FIRST], [5], [])
    assert drawn.line([(FIRST, 0)]) == "M0.0,1000.0"
    assert (drawn.line([]), drawn.area([])) == ("", "")
