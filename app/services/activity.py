"""Activity: what came in each minute or hour from each source. Every figure equals a recount of what is stored."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from app.errors import ValidationFailed
from app.protocol.bots import QUARANTINED
from app.storage import activity as activity_store
from app.storage.activity import Amount
from app.storage.db import Database
from app.storage.sql import TimeUnit

LENGTH = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
DEFAULT_SPAN = {"minute": timedelta(hours=1), "hour": timedelta(days=1)}
MAX_SPAN = {"minute": timedelta(hours=6), "hour": timedelta(days=7)}


@dataclass(frozen=True, slots=True)
class Span:
    """Whole minutes or hours, from `since` to before `until`."""

    since: datetime
    until: datetime
    unit: TimeUnit


@dataclass(frozen=True, slots=True)
class SourceActivity:
    """The messages of a source in the minute or hour that begins at `start`, by result."""

    start: datetime
    source: str
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    quarantined: int = 0


def read_span(since: datetime | None, until: datetime | None, unit: TimeUnit, now: datetime) -> Span:
    """The whole minutes or hours that these moments fall into, by default the latest. Raises `ValidationFailed`."""
    hours = MAX_SPAN[unit] // timedelta(hours=1)
    refusal = ValidationFailed(
        f"`from` must be before `to` (by default now), and by {unit} within {hours} hours of it."
    )
    try:
        end = _end_of(until, unit) if until else _start_of(now, unit) + LENGTH[unit]
        begin = _start_of(since, unit) if since else end - DEFAULT_SPAN[unit]
    except OverflowError:  # at the ends of what can be a time
        raise refusal from None
    if not timedelta(0) < end - begin <= MAX_SPAN[unit]:
        raise refusal
    return Span(begin, end, unit)


async def read_activity(database: Database, span: Span) -> list[SourceActivity]:
    """By time and source, without those that have sent nothing."""
    async with database.read() as connection:
        amounts = await activity_store.amounts(connection, span.since, span.until, span.unit, QUARANTINED)
    return [_together(each) for _, each in groupby(amounts, key=attrgetter("start", "source"))]


async def prune_duplicates(database: Database, now: datetime, days: int) -> int:
    async with database.write() as connection:
        return await activity_store.prune_duplicates(connection, now - timedelta(days=days))


def _together(amounts: Iterable[Amount]) -> SourceActivity:
    listed = list(amounts)
    return SourceActivity(listed[0].start, listed[0].source, **{each.result: each.messages for each in listed})


def _start_of(moment: datetime, unit: TimeUnit) -> datetime:
    return moment.replace(minute=0 if unit == "hour" else moment.minute, second=0, microsecond=0)


def _end_of(moment: datetime, unit: TimeUnit) -> datetime:
    start = _start_of(moment, unit)
    return start if start == moment else start + LENGTH[unit]


__all__ = ["SourceActivity", "Span", "TimeUnit", "prune_duplicates", "read_activity", "read_span"]
