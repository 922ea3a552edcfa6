"""When a delivery that failed is attempted again, and when it is given up."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
"""The least time between an attempt and the next, as Standard Webhooks recommends them: about 28 hours in all."""

JITTER = 0.2
"""The greatest part of a delay that is added to it, so that what failed together is not sent together again."""

MAX_RETRY_AFTER = timedelta(days=1)
"""The longest that a receiver can put off the next attempt by `Retry-After`."""

GIVE_UP_AFTER = timedelta(days=5)
"""How long a webhook may fail without any success before it is disabled."""


def next_attempt(attempts: int, failed_at: datetime, chance: float, retry_after: str | None) -> datetime | None:
    """When to try again after this many attempts; None if that was the last one.

    `chance`: a random number from 0 to 1. `retry_after`: the header of the answer.
    """
    if attempts > len(DELAYS):
        return None
    delay = DELAYS[attempts - 1]
    return failed_at + max(delay * (1 + JITTER * chance), _asked_for(retry_after, failed_at))


def _asked_for(retry_after: str | None, now: datetime) -> timedelta:
    """The delay in a `Retry-After` header: seconds or a date (RFC 9110, 10.2.3). Zero if it has neither."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for years and zones of too many digits
        return timedelta()
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(moment - now, MAX_RETRY_AFTER)
