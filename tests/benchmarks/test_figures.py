"""The table of RESULTS.md: ratios are taken round by round, and each figure is a row."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import Comparison, Figure, Spread, render
from benchmarks.machine import Machine

MACHINE = Machine(
    cores=2,
    processor="Fast 9000",
    memory_gib=23.6,
    system="Linux 6",
    python="3.11.7",
    postgres="18.1",
    commit="1a2b3c4",
    on=date(2026, 3, 10),
)


def test_ratios_are_taken_round_by_round() -> None:
    assert Comparison(ours=[10, 30, 8], baseline=[20, 40, 10]).ratio == Spread(median=0.75, least=0.5, greatest=0.8)


@given(st.lists(st.floats(0.01, 1_000), min_size=1))
def test_a_spread_is_shown_with_its_range_unless_there_is_only_one_value(values: list[float]) -> None:
    shown = f"{Spread.of(values):.3f}"
    assert shown.startswith(f"{Spread.of(values).median:.3f}")
    assert (f"({min(values):.3f} to {max(values):.3f})" in shown) == (len(set(values)) > 1)


def test_the_table_has_a_row_for_each_figure_and_names_the_machine() -> None:
    text = render(
        MACHINE,
        [
            Figure("batches: rate", "`COPY`", Spread(0.3, 0.25, 0.4), "at least", 0.5),
            Figure("`leadscore --help`", "`python -c pass`", Spread(0.2, 0.2, 0.2), "at most", 0.4, " s"),
        ],
    )
    rows = [
        "| figure | against | measured | to reach |",
        "| --- | --- | ---: | ---: |",
        "| batches: rate | `COPY` | 0.30 (0.25 to 0.40) | at least 0.50 |",
        "| `leadscore --help` | `python -c pass` | 0.20 s | at most 0.40 s |",
    ]
    assert "\n".join(rows) in text
    assert (
        "on 2026-03-10 with 2 cores (Fast 9000), 24 GiB of memory, Linux 6, Python 3.11.7 and PostgreSQL 18.1" in text
    )
    assert "Commit 1a2b3c4." in text
