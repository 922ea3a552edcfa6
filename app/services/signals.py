"""Signals over time and by page: how many people gave how many hits, and which pages bring leads."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import ValidationFailed
from app.insight.pages import Page, PageCounts
from app.scoring.engine import CompiledModel
from app.scoring.signals import CompiledSignal
from app.services.failures import readable
from app.services.models import ActiveModels
from app.storage import events as event_store
from app.storage import signals as signal_store
from app.storage.db import BadValue, Database
from app.storage.events import LeadEvent
from app.storage.signals import Interval
from app.validation.names import unknown_names

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)

log = structlog.get_logger()

MAX_EVENTS = 100_000
"""How many events a report by page reads: more would take longer than a request may."""


class _Read(Protocol[Result_co]):
    """Reads tallies. `checked`: without what is damaged; otherwise it may raise `BadValue`."""

    async def __call__(self, connection: AsyncConnection, *, checked: bool) -> Result_co: ...


@dataclass(frozen=True, slots=True)
class Point:
    """One day, or the week that begins on it. `people` are distinct within it."""

    start: date
    people: int
    hits: int


@dataclass(frozen=True, slots=True)
class Series:
    """A signal from the first to the last day, without gaps."""

    points: Sequence[Point]
    model_version: int
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Pages:
    """A signal by page. `is_complete`: whether all events of the period were read, and not just the latest."""

    pages: Sequence[Page]
    is_complete: bool
    model_version: int
    as_of: datetime


async def read_series(
    database: Database, models: ActiveModels, signal: str, first: date, last: date, by: Interval, now: datetime
) -> Series:
    """Raises `ValidationFailed` if the active model has no such signal."""

    async def read(connection: AsyncConnection, *, checked: bool) -> tuple[CompiledModel, Sequence[Any]]:
        model = await models.active(connection)
        fingerprint = _signal(model, signal).fingerprint
        return model, await signal_store.series(connection, fingerprint, first, last, by, checked=checked)

    model, rows = await _without_the_damaged(database, read)
    counted = {row.start: Point(row.start, row.people, row.hits) for row in rows}
    points = [counted.get(start, Point(start, 0, 0)) for start in _starts(first, last, by)]
    return Series(points, model.version, now)


async def read_hits(
    database: Database, models: ActiveModels, signals: Sequence[str], first: date, last: date
) -> dict[str, list[int]]:
    """The hits of signals of the active model on each day. Raises `ValidationFailed` if it has no such signal."""

    async def read(connection: AsyncConnection, *, checked: bool) -> dict[str, dict[date, int]]:
        model = await models.active(connection)
        fingerprints = {name: _signal(model, name).fingerprint for name in signals}
        wanted = sorted({*fingerprints.values()})
        hits = await signal_store.hits_by_day(connection, wanted, first, last, checked=checked)
        return {name: hits[fingerprint] for name, fingerprint in fingerprints.items()}

    hits = await _without_the_damaged(database, read)
    days = _starts(first, last, "day")
    return {name: [each.get(day, 0) for day in days] for name, each in hits.items()}


async def _without_the_damaged(database: Database, read: _Read[Result]) -> Result:
    """Read tallies without what is damaged in them."""
    try:
        async with database.read() as connection:
            return await read(connection, checked=False)
    except BadValue as error:
        log.warning("tallies are damaged", exc_info=error)
        async with database.read() as connection:
            return await read(connection, checked=True)


async def read_pages(
    database: Database, models: ActiveModels, signal: str, first: date, last: date, limit: int, now: datetime
) -> Pages:
    """The pages with most leads. Raises `ValidationFailed` if the active model has no such signal."""
    since, until = datetime.combine(first, time.min, UTC), datetime.combine(last, time.max, UTC)
    counts, read = PageCounts(), 0
    async with database.read() as connection:
        model = await models.active(connection)
        wanted = _signal(model, signal)
        chunks = event_store.latest_of_names(connection, wanted.event_keys, since, until, MAX_EVENTS)
        async for chunk in chunks:
            read += len(chunk)
            await asyncio.to_thread(_add, counts, wanted, readable(chunk))
    return Pages(list(islice(counts.pages(), limit)), read < MAX_EVENTS, model.version, now)


def _add(counts: PageCounts, signal: CompiledSignal, chunk: Iterable[LeadEvent]) -> None:
    for each in chunk:
        if signal.counts(each.event):
            counts.add(each.event, each.lead_id, has_progressed=each.has_progressed)


def _signal(model: CompiledModel, name: str) -> CompiledSignal:
    if faults := tuple(unknown_names("signal", "signal", [name], model.signals)):
        raise ValidationFailed.of(*faults)
    return model.signals[name]


def _starts(first: date, last: date, by: Interval) -> list[date]:
    step, start = (1, first) if by == "day" else (7, first - timedelta(days=first.weekday()))
    return [start + timedelta(days=days) for days in range(0, (last - start).days + 1, step)]


__all__ = ["Interval", "Pages", "Point", "Series", "read_hits", "read_pages", "read_series"]
