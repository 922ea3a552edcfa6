"""The hits of a signal over time, from the tallies of all leads."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

from sqlalchemy import ColumnElement, Date, Dialect, Integer, String, bindparam, cast, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.sql import any_of_param, day_of_text, nested_items, object_items, week_of
from app.storage.statements import Statement
from app.storage.tables import leads

Interval = Literal["day", "week"]

_FIRST, _LAST = bindparam("first", type_=Date), bindparam("last", type_=Date)
_SEEN_THEN = (leads.c.merged_into.is_(None), leads.c.first_seen_on <= _LAST, leads.c.last_seen_on >= _FIRST)


def _tally(dialect: Dialect) -> tuple[Any, ColumnElement[date], ColumnElement[int]]:
    """A lead's tally of the signal with the parameter `fingerprint`: the table, its days, and the hits on each."""
    items = object_items(leads.c.tally, bindparam("fingerprint", type_=String), dialect)
    return items, day_of_text(items.c.key, dialect), cast(items.c.value, Integer)


def _by_day(dialect: Dialect) -> Any:
    items, day, hits = _tally(dialect)
    people = func.count().label("people")  # each lead has a day only once
    counted = select(day.label("start"), people, func.sum(hits).label("hits")).join_from(leads, items, true())
    return counted.where(*_SEEN_THEN, day >= _FIRST, day <= _LAST).group_by(day)


def _by_week(dialect: Dialect) -> Any:
    items, day, hits = _tally(dialect)
    week = week_of(day)
    people = func.count(leads.c.id.distinct()).label("people")
    counted = select(week.label("start"), people, func.sum(hits).label("hits")).join_from(leads, items, true())
    return counted.where(*_SEEN_THEN, day >= _FIRST, day <= _LAST).group_by(week)


def _hits_by_day(dialect: Dialect) -> Any:
    signals, items = nested_items(leads.c.tally, dialect)
    day, fingerprint = day_of_text(items.c.key, dialect), signals.c.key.label("fingerprint")
    hits = func.sum(cast(items.c.value, Integer)).label("hits")
    counted = select(fingerprint, day.label("start"), hits).join_from(leads, signals, true()).join(items, true())
    wanted = any_of_param(signals.c.key, "fingerprints"), day >= _FIRST, day <= _LAST
    return counted.where(*_SEEN_THEN, *wanted).group_by(signals.c.key, day)


_HITS_BY_DAY = Statement(_hits_by_day)
_BY_INTERVAL = {"day": Statement(_by_day), "week": Statement(_by_week)}


async def series(connection: AsyncConnection, fingerprint: str, first: date, last: date, by: Interval) -> Sequence[Any]:
    """The days or weeks that have hits between two days: rows of `start` (a day), distinct `people` and `hits`."""
    return await _BY_INTERVAL[by].rows(connection, fingerprint=fingerprint, first=first, last=last)


async def hits_by_day(
    connection: AsyncConnection, fingerprints: Sequence[str], first: date, last: date
) -> dict[str, dict[date, int]]:
    """The hits of several signals on the days that have any, from one look at every lead."""
    found: dict[str, dict[date, int]] = {fingerprint: {} for fingerprint in fingerprints}
    for row in await _HITS_BY_DAY.rows(connection, fingerprints=fingerprints, first=first, last=last):
        found[row.fingerprint][row.start] = row.hits
    return found
