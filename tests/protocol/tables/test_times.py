"""The times that spreadsheets, databases and exports write are read; where two days are possible, the user decides."""

import pytest

from app.errors import InvalidMessage
from app.protocol.tables.times import DateOrder, read_cell_time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-10", "2026-01-10T00:00:00Z"),
        ("2026-01-10 09:30", "2026-01-10T09:30:00Z"),
        ("2026-01-10T09:30:00+02:00", "2026-01-10T07:30:00Z"),
        ("2026-01-10 09:30:00.125 UTC", "2026-01-10T09:30:00.125000Z"),
        ("20260110", "2026-01-10T00:00:00Z"),
        ("10.01.2026", "2026-01-10T00:00:00Z"),
        ("10.1.2026 9:30", "2026-01-10T09:30:00Z"),
        ("1602611311", "2020-10-13T17:48:31Z"),
        ("1602611311.5", "2020-10-13T17:48:31.500000Z"),
        ("1602611311500", "2020-10-13T17:48:31.500000Z"),
        ("1602611311500000", "2020-10-13T17:48:31.500000Z"),
        ("1602611311500000000", "2020-10-13T17:48:31.500000Z"),
        ("٢٠٢٦-٠١-١٠", "2026-01-10T00:00:00Z"),
        ("0001-01-01", None),
    ],
)
def test_a_time_is_read_as_it_is_written(text: str, time: str | None) -> None:
    assert read_cell_time(text, "Date", None) == time


@pytest.mark.parametrize(
    ("text", "order", "time"),
    [
        ("01/02/2026", "dmy", "2026-02-01T00:00:00Z"),
        ("01/02/2026", "mdy", "2026-01-02T00:00:00Z"),
        ("1/31/2026, 2:05 PM", "mdy", "2026-01-31T14:05:00Z"),
        ("1/31/2026 12:05:09 a.m.", "mdy", "2026-01-31T00:05:09Z"),
        ("31-1-2026 14:05", "dmy", "2026-01-31T14:05:00Z"),
        ("1.2.2026", "mdy", "2026-01-02T00:00:00Z"),
    ],
)
def test_the_order_of_day_and_month_is_as_told(text: str, order: DateOrder, time: str) -> None:
    assert read_cell_time(text, "Date", order) == time


@pytest.mark.parametrize("text", ["01/02/2026", "13/02/2026", "1-2-2026 10:00"])
def test_a_date_that_may_be_two_days_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(InvalidMessage, match=r"`Date` is ambiguous: .*--dates dmy.*--dates mdy"):
        read_cell_time(text, "Date", None)


@pytest.mark.parametrize("text", ["yes", "Q3", "2026", "4602.5", "31/31/2026", "1/2/26", "2026-02-30", "1.7E+15"])
def test_what_is_no_time_is_refused_by_the_name_of_its_column(text: str) -> None:
    with pytest.raises(InvalidMessage, match="`Date` is not a time"):
        read_cell_time(text, "Date", "dmy")


@pytest.mark.parametrize("text", ["46032", "46032.5", "46032,4375", "46032.", "43831"])
def test_a_day_as_excel_counts_it_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(InvalidMessage, match=r"`Date` is not a time but .*Excel.*: format the column as yyyy-mm-dd"):
        read_cell_time(text, "Date", None)


def test_a_time_beyond_the_years_is_out_of_range() -> None:
    with pytest.raises(InvalidMessage) as refusal:
        read_cell_time("+010000-01-01", "Date", None)
    assert refusal.value.code == "out-of-range"
