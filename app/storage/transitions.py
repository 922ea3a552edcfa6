"""Transitions in storage: every change of stage."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.stages import Transition
from app.storage.links import with_merged_query
from app.storage.queries import UnreadableRow, fetch_each, latest_first
from app.storage.sql import any_of_values, insert_rows
from app.storage.statements import Statement
from app.storage.tables import transitions


@dataclass(frozen=True, slots=True)
class StoredTransition:
    """A transition with its id, which sorts by time, and the lead's id at the time.

    `notify`: whether to notify subscribers.
    """

    id: UUID
    lead_id: UUID
    transition: Transition
    notify: bool


async def insert(connection: AsyncConnection, new: Sequence[StoredTransition]) -> None:
    if new:
        await _INSERT.rows(connection, rows=[_to_row(item) for item in new])


_INSERT = Statement(partial(insert_rows, transitions))


async def page(
    connection: AsyncConnection, lead_id: UUID, after: UUID | None, limit: int
) -> list[StoredTransition | UnreadableRow]:
    """A lead's transitions, including those of leads merged into it, the latest first."""
    theirs = select(transitions).where(transitions.c.lead_id.in_(with_merged_query([lead_id])))
    return await fetch_each(connection, transitions, latest_first(theirs, transitions.c.id, after, limit), _from_row)


@dataclass(frozen=True, slots=True)
class TransitionFilter:
    """Which transitions to list. None means no restriction. The days are in UTC, and included."""

    to_stages: Sequence[str] | None = None
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended."""

    at: datetime
    transition_id: UUID


async def page_of_all(
    connection: AsyncConnection, wanted: TransitionFilter, after: Position | None, limit: int
) -> list[StoredTransition | UnreadableRow]:
    """Transitions of all leads, the earliest first."""
    c = transitions.c
    query = select(transitions).where(*_conditions(wanted))
    if after is not None:
        end = tuple_(literal(after.at, c.at.type), literal(after.transition_id, c.id.type))
        query = query.where(tuple_(c.at, c.id) > end)
    return await fetch_each(connection, transitions, query.order_by(c.at, c.id).limit(limit), _from_row)


def _conditions(wanted: TransitionFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.to_stages is not None:
        yield any_of_values(transitions.c.to_stage, wanted.to_stages)
    if wanted.first is not None:
        yield transitions.c.at >= datetime.combine(wanted.first, time.min, UTC)
    if wanted.last is not None:
        yield transitions.c.at <= datetime.combine(wanted.last, time.max, UTC)


async def of_leads(connection: AsyncConnection, lead_ids: Collection[UUID]) -> dict[UUID, list[Transition]]:
    """The transitions recorded under each of these ids, the oldest first."""
    found: dict[UUID, list[Transition]] = {lead_id: [] for lead_id in lead_ids}
    query = select(transitions).where(any_of_values(transitions.c.lead_id, lead_ids)).order_by(transitions.c.id)
    for row in await connection.execute(query):
        found[row.lead_id].append(_from_row(row).transition)
    return found


def _to_row(item: StoredTransition) -> dict[str, Any]:
    change = item.transition
    return {
        "id": item.id,
        "lead_id": item.lead_id,
        "from_stage": change.from_stage,
        "to_stage": change.to_stage,
        "at": change.at,
        "cause": change.cause,
        "model_version": change.model_version,
        "scores": dict(change.scores),
        "notify": item.notify,
    }


def _from_row(row: Row[Any]) -> StoredTransition:
    change = Transition(row.from_stage, row.to_stage, row.at, row.cause, row.model_version, row.scores)
    return StoredTransition(row.id, row.lead_id, change, row.notify)
