"""The one clock. Whoever needs the time is handed it, or a moment that was read from it."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)
