"""Figures, days and texts as pages write them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from app.screen import formats

NOW = datetime(2026, 11, 28, 14, 32, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (12_345, "12,345"), (72.88, "72.88"), (-1.5, "−1.5"), (1e6, "1,000,000"), (55.0, "55")],
)
def test_numbers(value: float, expected: str) -> None:
    assert formats.number(value) == expected


def test_points_have_a_sign() -> None:
    assert [formats.points(each) for each in (14, -4.43, 0)] == ["+14.00", "−4.43", "+0.00"]


@pytest.mark.parametrize(
    ("passed", "expected"),
    [
        (timedelta(seconds=-5), "0 min"),
        (timedelta(minutes=34), "34 min"),
        (timedelta(hours=23, minutes=59), "23 h"),
        (timedelta(days=1_234), "1,234 d"),
    ],
)
def test_how_long_ago(passed: timedelta, expected: str) -> None:
    assert formats.ago(NOW - passed, NOW) == expected


def test_days_have_a_year_unless_it_is_this_one() -> None:
    assert formats.day(date(2026, 1, 7), NOW.date()) == "7 Jan"
    assert formats.long_day(date(2027, 1, 7), NOW.date()) == "7 January 2027"


def test_values_that_are_not_texts_are_written_as_json() -> None:
    values = ["True", True, None, 7, 1.5, ["a", "é"], {"name": "O'Neil"}]
    assert [formats.cut(each) for each in values] == [
        *("True", "true", "null", "7", "1.5", '["a", "é"]', '{"name": "O\'Neil"}')
    ]


def test_long_texts_are_cut() -> None:
    assert formats.cut("x" * 200) == "x" * 200
    assert formats.cut("x" * 201) == "x" * 199 + "…"
