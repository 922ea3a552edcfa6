"""The hits of a signal over time, from the tallies of all leads."""

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any, Literal

from sqlalchemy import ColumnElement, Date, Dialect, String, TableValuedAlias, bindparam, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.sql import any_of_param, day_after, nested_items, numbered_items, object_items, week_of
from app.storage.statements import Statement
from app.storage.tables import leads

Interval = Literal["day", "week"]

_FIRST, _LAST = bindparam("first", type_=Date), bindparam("last", type_=Date)
_SEEN_THEN = (leads.c.merged_into.is_(None), leads.c.first_seen_on <= _LAST, leads.c.last_seen_on >= _FIRST)


def _hits(
    runs: TableValuedAlias, dialect: Dialect, *, checked: bool
) -> tuple[TableValuedAlias, ColumnElement[date], ColumnElement[int]]:
    """The hits in runs (see `app.scoring.days`): a table to be joined with them, the days, and the hits on each."""
    table, place, hits = numbered_items(runs.c.value, dialect, checked=checked)
    return table, day_after(runs.c.key, place, dialect, checked=checked), hits


def _series(
    dialect: Dialect,
    start_of: Callable[[ColumnElement[date]], ColumnElement[date]],
    people: Any,
    *,
    checked: bool,
) -> Any:
    runs = object_items(leads.c.tally, bindparam("fingerprint", type_=String), dialect, checked=checked)
    table, day, hits = _hits(runs, dialect, checked=checked)
    start = start_of(day)
    counted = select(start.label("start"), people.label("people"), func.sum(hits).label("hits"))
    joined = counted.join_from(leads, runs, true()).join(table, true())
    return joined.where(*_SEEN_THEN, hits > 0, day >= _FIRST, day <= _LAST).group_by(start)


def _by_day(dialect: Dialect, *, checked: bool) -> Any:
    return _series(dialect, lambda day: day, func.count(), checked=checked)  # each lead has a day only once


def _by_week(dialect: Dialect, *, checked: bool) -> Any:
    return _series(dialect, week_of, func.count(leads.c.id.distinct()), checked=checked)


def _hits_by_day(dialect: Dialect, *, checked: bool) -> Any:
    signals, runs = nested_items(leads.c.tally, dialect, checked=checked)
    table, day, hits = _hits(runs, dialect, checked=checked)
    counted = select(signals.c.key.label("fingerprint"), day.label("start"), func.sum(hits).label("hits"))
    joined = counted.join_from(leads, signals, true()).join(runs, true()).join(table, true())
    wanted = any_of_param(signals.c.key, "fingerprints"), hits > 0, day >= _FIRST, day <= _LAST
    return joined.where(*_SEEN_THEN, *wanted).group_by(signals.c.key, day)


def _variants(build: Callable[..., Any]) -> dict[bool, Statement]:
    """By whether it checks what it reads."""
    return {checked: Statement(partial(build, checked=checked)) for checked in (False, True)}


_HITS_BY_DAY = _variants(_hits_by_day)
_BY_INTERVAL = {"day": _variants(_by_day), "week": _variants(_by_week)}


async def series(
    connection: AsyncConnection, fingerprint: str, first: date, last: date, by: Interval, *, checked: bool
) -> Sequence[Any]:
    """The days or weeks that have hits between two days: rows of `start` (a day), distinct `people` and `hits`.

    `checked`: leave out what is damaged, which takes four times as long. Otherwise it raises `BadValue`.
    """
    statement = _BY_INTERVAL[by][checked]
    return await statement.rows(connection, fingerprint=fingerprint, first=first, last=last)


async def hits_by_day(
    connection: AsyncConnection, fingerprints: Sequence[str], first: date, last: date, *, checked: bool
) -> dict[str, dict[date, int]]:
    """The hits of several signals on the days that have any, from one look at every lead. `checked` as for `series`."""
    found: dict[str, dict[date, int]] = {fingerprint: {} for fingerprint in fingerprints}
    statement = _HITS_BY_DAY[checked]
    for row in await statement.rows(connection, fingerprints=fingerprints, first=first, last=last):
        found[row.fingerprint][row.start] = row.hits
    return found
