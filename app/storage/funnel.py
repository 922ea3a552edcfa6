"""Leads counted for the funnel, from one index: without reading the leads themselves, and up to the last commit."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from sqlalchemy import ColumnElement, Date, Dialect, bindparam, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.sql import any_of_param, week_of
from app.storage.statements import Statement
from app.storage.tables import leads

SourceField = Literal["channel", "source", "campaign", "referrer"]
"""What is known of a lead's first touch."""

GroupField = SourceField | Literal["account"]
"""What leads are grouped by: also their account, by its key."""

NONE = ""
"""The group of the leads that lack the field."""

_FIELDS: Mapping[GroupField, ColumnElement[Any]] = {
    "channel": leads.c.channel,
    "source": leads.c.utm_source,
    "campaign": leads.c.utm_campaign,
    "referrer": leads.c.referrer,
    "account": leads.c.account,
}


def _in_cohort() -> tuple[ColumnElement[bool], ...]:
    """The leads first seen on one of the days from the parameter `first` to `last`."""
    first, last = bindparam("first", type_=Date), bindparam("last", type_=Date)
    return leads.c.merged_into.is_(None), leads.c.first_seen_on >= first, leads.c.first_seen_on <= last


def _named(field: GroupField) -> ColumnElement[str]:
    return func.coalesce(_FIELDS[field], NONE)


def _counted(group: ColumnElement[Any]) -> Statement:
    # Not by version first: SQLite would take the index of versions and read every lead.
    columns = (group.label("cohort"), leads.c.journey, leads.c.stage, leads.c.model_version)

    def build(_: Dialect) -> Any:
        grouped = select(*columns, func.count().label("count")).where(*_in_cohort())
        return grouped.group_by(*(columns if group is not _ALL else columns[1:]))

    return Statement(build)


def _largest(field: GroupField) -> Statement:
    name = _named(field).label("name")
    largest = select(name).where(*_in_cohort()).group_by(name).order_by(func.count().desc(), name)
    return Statement(lambda _: largest.limit(bindparam("most")))


_ALL = literal(NONE)
_LARGEST = {field: _largest(field) for field in _FIELDS}
_BY_SOURCE = {field: _counted(case((any_of_param(_named(field), "names"), _named(field)))) for field in _FIELDS}
_BY_WEEK, _TOGETHER = _counted(week_of(leads.c.first_seen_on)), _counted(_ALL)


async def largest_groups(
    connection: AsyncConnection, field: GroupField, first: date, last: date, limit: int
) -> list[str]:
    """The values of a field that most leads first seen in this period have."""
    rows = await _LARGEST[field].rows(connection, first=first, last=last, most=limit)
    return [row.name for row in rows]


async def count_by_source(
    connection: AsyncConnection, field: GroupField, names: Sequence[str], first: date, last: date
) -> Sequence[Any]:
    """How many leads first seen in this period are alike.

    Rows have `cohort`, `journey`, `stage`, `model_version` and `count`. `cohort` is None for other values than these.
    """
    return await _BY_SOURCE[field].rows(connection, names=names, first=first, last=last)


async def count_by_week(connection: AsyncConnection, first: date, last: date) -> Sequence[Any]:
    """The same, where `cohort` is the Monday of the week in which the leads were first seen."""
    return await _BY_WEEK.rows(connection, first=first, last=last)


async def count_together(connection: AsyncConnection, first: date, last: date) -> Sequence[Any]:
    """The same for one cohort of all."""
    return await _TOGETHER.rows(connection, first=first, last=last)
