"""Links in storage: which leads the ids of merged leads refer to."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, Select, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.identities import merger_rows, mergers
from app.storage.leads import STORED
from app.storage.sql import any_of_values
from app.storage.statements import Statement
from app.storage.tables import NO_CHANGE_ON, leads

EMPTY: dict[str, Any] = {
    "tally": {},
    "traits": {},
    "trusted_traits": {},
    "scores": {},
    "event_count": 0,
    "reached": {},
    "journey": "",
    "next_change_on": NO_CHANGE_ON,
    "first_score_step": 0,
    "second_score_step": 0,
} | {
    column.name: None
    for column in STORED
    if column.nullable  # the first touch and the days and times of events and checks
}


async def retire(connection: AsyncConnection, merged: Mapping[UUID, UUID]) -> None:
    """Redirect each of these ids, and ids merged into it earlier, to its survivor."""
    if merged:
        rows = merger_rows(merged)
        await _REDIRECT.rows(connection, rows=rows)
        await _RETIRE.rows(connection, rows=rows)


def _redirect(dialect: Dialect) -> Any:
    pairs = mergers(dialect)
    return update(leads).where(leads.c.merged_into == pairs.c.retired).values(merged_into=pairs.c.survivor)


def _retire(dialect: Dialect) -> Any:
    pairs = mergers(dialect)
    return update(leads).where(leads.c.id == pairs.c.retired).values(merged_into=pairs.c.survivor, **EMPTY)


_REDIRECT, _RETIRE = Statement(_redirect), Statement(_retire)


async def merged_into(connection: AsyncConnection, lead_id: UUID) -> list[UUID]:
    """The ids of the leads that were merged into this one."""
    return list((await connection.execute(select(leads.c.id).where(leads.c.merged_into == lead_id))).scalars())


def with_merged_query(ids: Collection[UUID]) -> Select[UUID]:
    """These leads' ids, and those of all leads that were merged into them."""
    return select(leads.c.id).where(or_(any_of_values(leads.c.id, ids), any_of_values(leads.c.merged_into, ids)))


async def with_merged(connection: AsyncConnection, ids: Collection[UUID]) -> list[UUID]:
    """The same, read."""
    return list((await connection.execute(with_merged_query(ids))).scalars())


async def redirect(connection: AsyncConnection, ids: Collection[UUID], survivor: UUID) -> None:
    """Let the ids of merged leads resolve to another lead."""
    if ids:
        await connection.execute(update(leads).where(any_of_values(leads.c.id, ids)).values(merged_into=survivor))
