"""Leads counted for the funnel, from one index: without reading the leads themselves, and up to the last commit."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Date, Select, bindparam, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.sql import week_of
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


def _counted(group: ColumnElement[Any] | None) -> Select[Any]:
    # Not by version first: SQLite would take the index of versions and read every lead.
    columns = (literal(NONE) if group is None else group).label("cohort"), *_ALIKE
    grouped = _ALIKE if group is None else (group, *_ALIKE)
    return select(*columns, func.count().label("count")).where(*_in_cohort()).group_by(*grouped)


def _by_source(field: GroupField) -> Statement:
    """One scan of the index: what it finds is small, so that ranking it and adding up the rest costs little."""
    column = _FIELDS[field]
    named, count = func.coalesce(column, NONE).label("cohort"), func.count().label("count")
    counted = select(named, *_ALIKE, count).where(*_in_cohort()).group_by(column, *_ALIKE).cte("counted")
    cohort, leads_of = counted.c.cohort, func.sum(counted.c.count)
    ranked = select(cohort).group_by(cohort).order_by(leads_of.desc(), cohort)
    largest = ranked.limit(bindparam("most")).cte("largest")
    columns = largest.c.cohort, counted.c.journey, counted.c.stage, counted.c.model_version
    joined = counted.outerjoin(largest, largest.c.cohort == cohort)
    total = cast(leads_of, BigInteger).label("count")
    return Statement(lambda _: select(*columns, total).select_from(joined).group_by(*columns))


_ALIKE = (leads.c.journey, leads.c.stage, leads.c.model_version)
_BY_SOURCE = {field: _by_source(field) for field in _FIELDS}
_BY_WEEK = Statement(lambda _: _counted(week_of(leads.c.first_seen_on)))
_TOGETHER = Statement(lambda _: _counted(None))


async def count_by_source(
    connection: AsyncConnection, field: GroupField, first: date, last: date, most: int
) -> Sequence[Any]:
    """How many leads first seen in this period are alike.

    Rows have `cohort`, `journey`, `stage`, `model_version` and `count`. `cohort` is one of the values that `most` leads
    have, None for all other values.
    """
    return await _BY_SOURCE[field].rows(connection, first=first, last=last, most=most)


async def count_by_week(connection: AsyncConnection, first: date, last: date) -> Sequence[Any]:
    """The same, where `cohort` is the Monday of the week in which the leads were first seen."""
    return await _BY_WEEK.rows(connection, first=first, last=last)


async def count_together(connection: AsyncConnection, first: date, last: date) -> Sequence[Any]:
    """The same for one cohort of all."""
    return await _TOGETHER.rows(connection, first=first, last=last)
