"""Signals over time: how many people gave how many hits on each day or in each week."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.errors import ValidationFailed
from app.scoring.engine import CompiledModel, CompiledSignal
from app.services.models import ActiveModels
from app.storage import signals as signal_store
from app.storage.db import Database
from app.storage.signals import Interval
from app.validation.error_messages import unknown_name_message
from app.validation.faults import Fault


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


async def read_series(
    database: Database, models: ActiveModels, signal: str, first: date, last: date, by: Interval, now: datetime
) -> Series:
    """Raises `ValidationFailed` if the active model has no such signal."""
    async with database.read() as connection:
        model = await models.active(connection)
        fingerprint = _signal(model, signal).fingerprint
        rows = await signal_store.series(connection, fingerprint, first, last, by)
    counted = {row.start: Point(row.start, row.people, row.hits) for row in rows}
    points = [counted.get(start, Point(start, 0, 0)) for start in _starts(first, last, by)]
    return Series(points, model.version, now)


def _signal(model: CompiledModel, name: str) -> CompiledSignal:
    if name not in model.signals:
        fault = Fault("signal", unknown_name_message("signal", name, list(model.signals)))
        raise ValidationFailed(str(fault), (fault,))
    return model.signals[name]


def _starts(first: date, last: date, by: Interval) -> list[date]:
    step, start = (1, first) if by == "day" else (7, first - timedelta(days=first.weekday()))
    return [start + timedelta(days=days) for days in range(0, (last - start).days + 1, step)]


__all__ = ["Interval", "Point", "Series", "read_series"]
