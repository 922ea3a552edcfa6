"""Transitions in storage: every change of stage."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.stages import Transition
from app.storage.db import insert_rows
from app.storage.tables import transitions


@dataclass(frozen=True, slots=True)
class StoredTransition:
    """A transition with its id, which sorts by time, and the id that the lead had then."""

    id: UUID
    lead_id: UUID
    transition: Transition


async def insert(connection: AsyncConnection, new: Sequence[StoredTransition]) -> None:
    if new:
        await connection.execute(_insert(connection.dialect), {"rows": [_to_row(item) for item in new]})


@cache
def _insert(dialect: Dialect) -> Any:
    return insert_rows(transitions, dialect)


async def page(
    connection: AsyncConnection, lead_ids: Collection[UUID], after: UUID | None, limit: int
) -> list[StoredTransition]:
    """The transitions of a lead under all the ids that it has had, the latest first."""
    query = select(transitions).where(transitions.c.lead_id.in_(list(lead_ids)))
    if after is not None:
        query = query.where(transitions.c.id < after)
    rows = await connection.execute(query.order_by(transitions.c.id.desc()).limit(limit))
    return [_from_row(row) for row in rows]


async def stage_at(connection: AsyncConnection, lead_id: UUID, moment: datetime) -> str | None:
    """The stage to which the last transition up to a moment led, None before the first."""
    query = select(transitions.c.to_stage).where(transitions.c.lead_id == lead_id, transitions.c.at <= moment)
    return (await connection.execute(query.order_by(transitions.c.id.desc()).limit(1))).scalar()


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
    }


def _from_row(row: Row[Any]) -> StoredTransition:
    change = Transition(row.from_stage, row.to_stage, row.at, row.cause, row.model_version, row.scores)
    return StoredTransition(row.id, row.lead_id, change)
