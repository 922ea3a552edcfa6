"""The period of a report: what is missing, and what is refused."""

from datetime import date, timedelta

import pytest

from app.documents.periods import DEFAULT_DAYS, MAX_DAYS, period
from app.errors import ValidationFailed

TODAY = date(2026, 3, 10)


def test_it_is_the_twelve_weeks_up_to_a_day() -> None:
    assert period(None, None, TODAY) == (date(2025, 12, 17), TODAY)
    assert period(None, date(2026, 1, 31), TODAY) == (date(2025, 11, 9), date(2026, 1, 31))
    assert period(None, date.min, TODAY) == (date.min, date.min)
    first, last = period(None, None, TODAY)
    assert (last - first).days + 1 == DEFAULT_DAYS


def test_it_may_be_a_day_and_at_most_three_years() -> None:
    longest = TODAY - timedelta(MAX_DAYS - 1)
    assert period(TODAY, TODAY, TODAY) == (TODAY, TODAY)
    assert period(longest, None, TODAY) == (longest, TODAY)
    for first in (TODAY + timedelta(1), longest - timedelta(1)):
        with pytest.raises(ValidationFailed):
            period(first, None, TODAY)
