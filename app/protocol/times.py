"""Client times: reading them, and correcting them for a clock that is wrong."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from app.errors import InvalidMessage

# `fromisoformat` alone would take week dates, basic format, commas, any separator, and offsets with seconds.
_SHAPE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_OUTSIDE_YEARS = re.compile(r"[+-]\d{6}-|0000-", re.ASCII)  # JavaScript writes the year 10000 as +010000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1, 1, 2, tzinfo=UTC)  # PostgreSQL's driver takes the very first moment for minus infinity
_NEVER = "0001-01-01"
_LEAST_MILLISECONDS = 10**11
"""A lesser number counts seconds: as milliseconds it would be before March 1973, older than any client."""


def read_time(value: Any, field: str) -> datetime | None:
    """A time in UTC, None where the client gave none. A time without a zone is UTC; a number counts from the epoch.

    The first day of the year 1 is none either: it is what Go and .NET say for a time that was never set.

    Raises InvalidMessage: `out-of-range` outside the years 1 to 9999, `validation-error` for what is no time.
    """
    if value is None or value == "":
        return None
    try:
        moment = _from_text(value.strip()) if isinstance(value, str) else _from_epoch(value)
    except OverflowError:
        raise _out_of_range(field) from None
    except (TypeError, ValueError):
        remedy = "send an RFC 3339 time such as 2030-01-31T12:00:00Z."
        raise InvalidMessage("validation-error", f"`{field}` is not a time: {remedy}") from None
    return moment if moment is not None and moment >= _EARLIEST else None


def occurred_at(claimed: datetime | None, sent_at: datetime | None, received_at: datetime) -> datetime:
    """When it happened by our clock, never in the future: `received_at - (sent_at - claimed)`, as Segment specifies.

    The client's clock is compared with ours at the moment of sending. Without a `sent_at`, it is believed.
    Raises InvalidMessage (`out-of-range`) if the correction leaves the years 1 to 9999.
    """
    if claimed is None:
        return received_at
    if sent_at is None:
        return min(claimed, received_at)
    try:
        corrected = received_at - (sent_at - claimed)
    except OverflowError:
        raise _out_of_range("timestamp") from None
    if corrected < _EARLIEST:
        raise _out_of_range("timestamp")
    return min(corrected, received_at)


def _from_text(text: str) -> datetime | None:
    if _OUTSIDE_YEARS.match(text):
        raise OverflowError
    if not _SHAPE.fullmatch(text):
        raise ValueError
    if text.startswith(_NEVER):  # in whatever zone: in UTC it may lie in the year before
        return None
    moment = datetime.fromisoformat(text.upper())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _from_epoch(number: Any) -> datetime:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise TypeError
    unit = timedelta(seconds=1) if abs(number) < _LEAST_MILLISECONDS else timedelta(milliseconds=1)
    return _EPOCH + number * unit


def _out_of_range(field: str) -> InvalidMessage:
    return InvalidMessage("out-of-range", f"`{field}` is outside the years 1 to 9999, in UTC.")
