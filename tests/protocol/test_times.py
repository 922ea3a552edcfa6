"""Client times are read strictly and corrected for the client's clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidMessage
from app.protocol.times import first_time, occurred_at, read_time, readable_time

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "value",
    [
        "2025-06-01T12:00:00Z",
        "2025-06-01T12:00:00.000Z",
        "2025-06-01T12:00:00.000000+00:00",
        "2025-06-01T12:00:00.000000000Z",
        "2025-06-01T12:00:00.0Z",
        "2025-06-01T12:00:00",
        "2025-06-01 12:00:00",
        "2025-06-01t12:00:00z",
        "2025-06-01T12:00Z",
        "2025-06-01T14:00:00+02:00",
        "2025-06-01T14:00:00+0200",
        " 2025-06-01T06:30:00-05:30 ",
        1748779200000,
        1748779200000.0,
        1748779200,
    ],
)
def test_every_shape_that_clients_send_is_read_as_utc(value: Any) -> None:
    moment = read_time(value, "timestamp")
    assert moment == NOON
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        *("2025-06-01 14:00:00+02", "2025-06-01 14:00:00.000+02", "2025-06-01 12:00:00-00"),  # PostgreSQL
        *("2025-06-01 12:00:00 UTC", "2025-06-01 14:00:00 +0200", "2025-06-01 12:00:00.000000 UTC"),  # Ruby, BigQuery
        *("2025-06-01 12:00:00 +0000 UTC", "2025-06-01 14:00:00.0 +0200 CEST m=+0.01", "2025-06-01T12:00:00 Z"),  # Go
        *(
            "2025-06-01T14:00:00+02:00[Europe/Paris]",
            "2025-06-01T12:00:00Z[UTC]",
            "Sun Jun 01 12:00:00 UTC 2025",
        ),  # Java
        *("Sun, 01 Jun 2025 12:00:00 GMT", "Sun, 1 Jun 2025 14:00:00 +0200", "01 Jun 2025 12:00 UT"),  # RFC 2822
        *("Sun, 01 Jun 2025 08:00:00 EDT", "Sunday, June 1, 2025 12:00", "Sun Jun  1 12:00:00 2025"),
        "Sun Jun 01 2025 14:00:00 GMT+0200 (Central European Summer Time)",
        *("2025-06-01T12:00:00.Z", "2025-06-01T14:00:00.+02:00", "2025-06-01 12:00:00.", "+002025-06-01T12:00:00Z"),
        *("2025-06-01T12:00:00,000Z", "20250601T120000Z", "20250601T1400+0200", "20250601120000", "2025/06/01 12:00"),
        *("٢٠٢٥-٠٦-٠١T١٢:٠٠:٠٠Z", "۲۰۲۵-۰۶-۰۱ ۱۲:۰۰:۰۰", "２０２５-06-01T12:00:00Z", "\u200e2025-06-01T12:00:00Z"),
        *("2025-06-01T12:00:00+00:00Z", "2025-06-01T12:00:00.000-0000Z"),  # a `Z` behind what has its zone already
        *("2025-06-01T10:00:00\u221202:00", "2025\u201106\u201101T12:00:00Z", "2025-06-01\u00a012:00:00Z"),
        *(
            "2025-06-01T12:00:00.000 PM",
            "2025-06-01 12:00:00 PM",
            "Jun 1, 2025, 12:00:00\u202fPM",
            "Jun 1, 2025 12:00 p.m.",
        ),
        *(
            "2025-06-01T12:00:00 PM+0000",
            "2025-06-01 02:00:00 p. m. +0200",
            "01 Jun 2025 12:00 PM UT",
        ),  # 12-hour phones
        *("2025-06-01T14:00:00 PM+02:00", "Sun Jun  1 12:00:00 PM UTC 2025"),
        *("Sun Jun 01 12:00:00 +0000 2025", "Sun Jun 01 05:00:00 PDT 2025", "Sun Jun 01 14:00:00 GMT+02:00 2025"),
        *("/Date(1748779200000)/", "/Date(1748779200000+0200)/", r"\/Date(1748779200000)\/", "new Date(1748779200000)"),
        *('"2025-06-01T12:00:00Z"', "'1748779200'", 'ISODate("2025-06-01T12:00:00Z")', "“2025-06-01 12:00:00”"),
        *("Optional(2025-06-01 12:00:00 +0000)", "Timestamp('2025-06-01 12:00:00')", "1.7487792E9", "1.7487792e+12"),
        *("1748779200", "1748779200000", "1748779200.0", 1748779200000000, "1748779200000000000", 1748779200 * 10**9),
    ],
)
def test_what_programs_write_for_people_and_for_each_other_is_read_as_utc(value: Any) -> None:
    moment = read_time(value, "timestamp")
    assert moment == NOON
    assert moment.tzinfo is UTC


def test_the_end_of_a_day_is_the_next_days_midnight() -> None:
    assert read_time("2025-05-31T24:00:00Z", "t") == NOON.replace(hour=0)


def test_a_leap_second_is_the_second_before() -> None:
    assert read_time("2016-12-31T23:59:60Z", "t") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(("clock", "hour"), [("12:00 AM", 0), ("1:00 am", 1), ("11:00 AM", 11), ("11:00 pm", 23)])
def test_of_a_clock_of_twelve_hours_the_day_begins_at_twelve(clock: str, hour: int) -> None:
    assert read_time(f"2025-06-01 {clock}", "t") == NOON.replace(hour=hour)


@pytest.mark.parametrize(
    "values",
    [
        ("2025-06-01", "noon"),
        ("noon", "2025-06-01"),
        (None, "2025-06-01"),
        ("1970-01-01", "2025-06-01"),
        ("x", None, NOON),
    ],
)
def test_a_bad_time_costs_nothing_beside_a_good_one(values: tuple[Any, ...]) -> None:
    given = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    assert first_time(("t", value) for value in given) in (NOON, NOON.replace(hour=0))


def test_without_a_good_time_the_first_bad_one_is_refused() -> None:
    assert first_time([("a", None), ("b", "null")]) is None
    with pytest.raises(InvalidMessage, match="`b` is not a time"):
        first_time([("a", None), ("b", "noon"), ("c", "one")])


def test_a_time_that_decides_nothing_may_be_unreadable() -> None:
    assert [readable_time(value) for value in ("noon", 10**21, True, None)] == [None] * 4
    assert readable_time("2025-06-01T12:00:00Z") == NOON


def test_a_fraction_is_kept_to_the_microsecond() -> None:
    assert read_time("2025-06-01T12:00:00.123456789Z", "t") == NOON.replace(microsecond=123456)


def test_a_date_is_its_midnight() -> None:
    assert read_time("2025-06-01", "t") == NOON.replace(hour=0)


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "  ", [], {}, False),
        *("0001-01-01T00:00:00Z", "0001-01-01T23:59:59-01:00", "0001-01-01T00:00:00+01:00", -62_135_596_800),
        *(
            "1970-01-01T00:00:00+00:00",
            "1970-01-01",
            "1969-12-31T19:00:00-05:00",
            "1970-01-01 09:00:00+09",
            0,
            0.0,
            "0",
        ),
        *("Thu, 01 Jan 1970 00:00:00 GMT", "Thu Jan 01 1970 01:00:00 GMT+0100 (CET)", "19700101"),
        *("0000-00-00 00:00:00", "0000-00-00", "-0001-11-30T00:00:00+00:00"),
        *("1899-12-30T00:00:00", "1900-01-01 00:00:00.000", "1601-01-01T00:00:00Z", "1753-01-01"),
        *("null", "None", "undefined", "Invalid Date", "Invalid date", "Invalid DateTime", "NaN", "NaT", "-", "—"),
        *(" N/A ", "\u200bnil", "(null)", "\\N", "(not set)", "Optional(nil)", "<nil>", '"null"', "System.DBNull"),
        *("1/1/0001 12:00:00 AM", "01.01.0001 00:00:00", "0000-01-01T00:00:00Z", "-000001-01-01T00:00:00.000Z"),
        *("1404-10-20T10:00:00Z", "1404-02-31T10:00:00.000 AM", "0008-01-10T10:00:00Z", "1404/10/20", "20/10/1404"),
        *("Sat, 10 Jan 1874 00:00:00 GMT", "1899-12-31T23:00:00-02:00", -(10**10)),
    ],
)
def test_a_missing_time_is_none(value: Any) -> None:
    assert read_time(value, "t") is None


@pytest.mark.parametrize(
    "value",
    [
        *("yesterday", "2025-06-01T", "2025-W22-7", "2025-06-01x12:00:00Z", "2025-06-01T12", "12:00", "Jun 2025"),
        *("2025-13-01T12:00:00Z", "20251301", "2025-06-01T24:01:00Z", "1" * 101),
        *("2025-06-01T12:00:00+00:00:30", "2025-06-01T12:00:00+99:00", "2025-06-01 12:00:00 CET"),
        *(
            "2025-06-01T14:00:00 AM",
            "2025-06-01 00:30 PM",
            "2025-06-01 PM",
            "2025-06-01 12:00 XM",
            "Date(soon)",
            "1404-x",
            "1.7E+15",
        ),
        *("01/02/2026", "1/2/26 12:00", "01.02.2026", "Sun, 01-Jun-25 12:00:00 GMT", "Sun, 31 Jun 2025 12:00:00 GMT"),
        *("\ud800", True, [1], {"seconds": 1}, float("nan")),
    ],
)
def test_what_is_no_time_is_refused_by_the_name_of_its_field(value: Any) -> None:
    with pytest.raises(InvalidMessage, match="`sentAt` is not a time") as refused:
        read_time(value, "sentAt")
    assert refused.value.code == "validation-error"


@pytest.mark.parametrize(
    "value",
    [
        *("+010000-01-01T00:00:00.000Z", "1.000000e30", "1.0000000E+400"),
        *("9999-12-31T23:59:59-01:00", 10**21, -(10**21), 10**400, float("inf"), 1e300),
    ],
)
def test_a_time_outside_the_years_1_to_9999_is_out_of_range(value: Any) -> None:
    with pytest.raises(InvalidMessage) as refused:
        read_time(value, "timestamp")
    assert refused.value.code == "out-of-range"


@given(st.text() | st.integers() | st.floats() | st.booleans())
def test_any_value_is_a_time_in_utc_or_an_invalid_message(value: Any) -> None:
    try:
        moment = read_time(value, "t")
    except InvalidMessage:
        return
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize("skew", [-HOUR * 48, -HOUR, timedelta(0), HOUR, HOUR * 48])
def test_a_wrong_clock_is_corrected_by_its_own_time_of_sending(skew: timedelta) -> None:
    happened, sent = NOON - 2 * HOUR, NOON
    assert occurred_at(happened + skew, sent + skew, received_at=NOON) == happened


@pytest.mark.parametrize(
    ("claimed", "sent_at"),
    [
        (datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)),
        (NOON, NOON + (NOON - datetime(1, 1, 1, 12, tzinfo=UTC))),
    ],
)
def test_a_correction_that_leaves_the_calendar_is_none(claimed: datetime, sent_at: datetime) -> None:
    assert occurred_at(claimed, sent_at, received_at=NOON) == claimed


def test_without_a_time_of_sending_the_clock_is_believed() -> None:
    assert occurred_at(NOON - HOUR, None, received_at=NOON) == NOON - HOUR


@pytest.mark.parametrize("sent_at", [None, NOON])
def test_a_time_in_the_future_becomes_that_of_arrival(sent_at: datetime | None) -> None:
    assert occurred_at(NOON + HOUR, sent_at, received_at=NOON) == NOON


def test_no_time_is_that_of_arrival() -> None:
    assert occurred_at(None, NOON - HOUR, received_at=NOON) == NOON
