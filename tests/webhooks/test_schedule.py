"""When a failed delivery is attempted again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.webhooks.schedule import DELAYS, JITTER, MAX_RETRY_AFTER, next_attempt

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def delay(attempts: int, chance: float = 0, retry_after: str | None = None) -> timedelta:
    again = next_attempt(attempts, NOW, chance, retry_after)
    assert again is not None
    return again - NOW


def test_there_are_eight_attempts() -> None:
    minutes = [delay(attempts).total_seconds() / 60 for attempts in range(1, 8)]
    assert minutes == [5 / 60, 5, 30, 120, 300, 600, 600]
    assert next_attempt(8, NOW, 0, None) is None


@given(st.integers(1, len(DELAYS)), st.floats(0, 1))
def test_jitter_only_adds_to_a_delay(attempts: int, chance: float) -> None:
    least = DELAYS[attempts - 1]
    assert least <= delay(attempts, chance) <= least * (1 + JITTER) + timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("120", timedelta(minutes=2)),
        (" 7 ", timedelta(seconds=7)),
        (format_datetime(NOW + timedelta(hours=1), usegmt=True), timedelta(hours=1)),
        ("Tue, 10 Mar 2026 13:00:00", timedelta(hours=1)),
        ("999999999999", MAX_RETRY_AFTER),
        (format_datetime(NOW + timedelta(days=400)), MAX_RETRY_AFTER),
    ],
)
def test_a_receiver_may_put_off_the_next_attempt(header: str, expected: timedelta) -> None:
    assert delay(1, retry_after=header) == expected


@pytest.mark.parametrize("header", [None, "", "1", "soon", "-5", "1.5", "²", format_datetime(NOW - timedelta(hours=1))])
def test_a_receiver_can_not_hasten_it(header: str | None) -> None:
    assert delay(1, retry_after=header) == timedelta(seconds=5)


DATES = st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,12} [0-9]{1,3}:[0-9]{1,3} [+-][0-9]{1,15}")
"""What looks like a date, mostly an impossible one."""


@given(st.text() | DATES, st.integers(1, 7))
@example("Mon, 1 Jan 2026 00:00:00 +99999999999999", 1)
@example("Jan 1 99999999999 0:0:0 +0", 1)
def test_no_header_breaks_the_schedule(header: str, attempts: int) -> None:
    assert DELAYS[attempts - 1] <= delay(attempts, retry_after=header) <= max(DELAYS[attempts - 1], MAX_RETRY_AFTER)
