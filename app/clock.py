"""The only place that reads the clock. Other code takes the clock, or `now`, as an argument."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)
