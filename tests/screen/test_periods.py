"""The period of a report's page."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ValidationFailed
from app.screen.periods import Period, offered

TODAY = date(2026, 11, 29)  # a Sunday


def test_the_default_is_13_weeks_that_begin_on_a_monday() -> None:
    assert Period.of(None, None, TODAY) == Period(date(2026, 8, 31), TODAY)


def test_a_period_that_was_asked_for_is_used() -> None:
    assert Period.of(date(2026, 1, 1), date(2026, 1, 31), TODAY) == Period(date(2026, 1, 1), date(2026, 1, 31))


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValidationFailed):
        Period.of(date(2026, 2, 1), date(2026, 1, 31), TODAY)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_the_period_before_is_as_long_and_leaves_no_gap(today: date) -> None:
    for chosen in offered(today):
        before = chosen.before()
        assert before.days == chosen.days
        assert before.last + timedelta(days=1) == chosen.first


def test_nothing_is_before_the_first_day_of_the_calendar() -> None:
    first = Period(date.min, date.min + timedelta(days=30))
    assert first.before() == Period(date.min, date.min)
    assert Period(date.min + timedelta(days=3), TODAY).before() == Period(date.min, date.min + timedelta(days=2))


@pytest.mark.parametrize(("days", "label"), [(7, "7 days"), (8, "2 weeks"), (91, "13 weeks")])
def test_the_label_counts_weeks(days: int, label: str) -> None:
    assert Period(TODAY - timedelta(days=days - 1), TODAY).label == label
