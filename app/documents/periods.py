"""Periods: the whole days in UTC that a report covers, and the order of their ends in filters."""

from datetime import date, datetime, timedelta

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


def check_span(since: datetime | None, until: datetime | None, names: tuple[str, str] = ("from", "to")) -> None:
    """Raise `ValidationFailed` for moments between which there is nothing, as `until` itself is excluded."""
    if since is not None and until is not None and since >= until:
        raise ValidationFailed(f"`{names[0]}` must be before `{names[1]}`.")


def check_days(first: date | None, last: date | None) -> None:
    """The same for days, which are both included."""
    if first is not None and last is not None and first > last:
        msg = "`from` must not be after `to`."
        raise ValidationFailed(msg)
