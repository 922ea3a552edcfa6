"""Summaries of groups in storage: what deleted messages said of them, by the identity that these were filed under."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.events import Identity
from app.scoring.facts import Facts
from app.storage.groups import from_columns, to_columns
from app.storage.identities import parse_identity
from app.storage.sql import any_of_values, upsert_rows
from app.storage.statements import Statement
from app.storage.tables import group_summaries


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """`facts` are those of `group_facts_of`: only traits."""

    identity: Identity
    group_id: str
    facts: Facts


async def of_identities(connection: AsyncConnection, wanted: Collection[Identity]) -> list[GroupSummary]:
    query = select(group_summaries).where(any_of_values(group_summaries.c.identity, map(str, wanted)))
    return [_from_row(row) for row in await connection.execute(query)]


async def of_groups(connection: AsyncConnection, group_ids: Collection[str]) -> list[GroupSummary]:
    query = select(group_summaries).where(any_of_values(group_summaries.c.group_id, group_ids))
    return [_from_row(row) for row in await connection.execute(query)]


async def save(connection: AsyncConnection, changed: Collection[GroupSummary]) -> None:
    """Insert or replace summaries. The leads that have the identities must be locked."""
    await _UPSERT.rows(connection, rows=list(map(_to_row, changed)))


_UPSERT = Statement(partial(upsert_rows, group_summaries))


def _to_row(summary: GroupSummary) -> dict[str, Any]:
    return {"identity": str(summary.identity), "group_id": summary.group_id, **to_columns(summary.facts)}


def _from_row(row: Any) -> GroupSummary:
    return GroupSummary(parse_identity(row.identity), row.group_id, from_columns(row))
