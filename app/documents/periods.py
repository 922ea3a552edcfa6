"""The period that a report covers: whole days in UTC, both ends included."""

from datetime import date, timedelta

from app.errors import ValidationFailed

DEFAULT_DAYS = 84
MAX_DAYS = 1_096
"""Three years: by day, that is about as many rows as a report can have and still be read."""


def period(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """The first and the last day. By default the twelve weeks up to today. Raises `ValidationFailed`."""
    end = last or today
    begin = first or end - min(end - date.min, timedelta(DEFAULT_DAYS - 1))
    if not timedelta(0) <= end - begin < timedelta(MAX_DAYS):
        msg = f"`from` must not be after `to` (by default today), and must be within {MAX_DAYS} days of it."
        raise ValidationFailed(msg)
    return begin, end
