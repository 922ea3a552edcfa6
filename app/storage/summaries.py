"""Summaries in storage: the facts of deleted events, by the identity that these were filed under."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.events import Identity
from app.scoring.facts import Facts
from app.storage.facts import facts_from_json, facts_to_json
from app.storage.identities import parse_identity
from app.storage.sql import any_of_values, upsert_rows
from app.storage.statements import Statement
from app.storage.tables import identities, summaries


@dataclass(frozen=True, slots=True)
class Summary:
    """The facts of an identity's deleted events, exact for answers as of `valid_from` and later.

    Signals are counted by the models that were active when events were deleted.
    """

    identity: Identity
    facts: Facts
    valid_from: datetime


async def of_identities(connection: AsyncConnection, wanted: Collection[Identity]) -> list[Summary]:
    query = select(summaries).where(any_of_values(summaries.c.identity, map(str, wanted)))
    rows = await connection.execute(query)
    return [Summary(parse_identity(row.identity), facts_from_json(row.facts), row.valid_from) for row in rows]


async def of_leads(connection: AsyncConnection, lead_ids: Collection[UUID]) -> list[tuple[UUID, Facts]]:
    """The facts of all summaries of these leads, each with its lead."""
    query = select(identities.c.lead_id, summaries.c.facts).join(
        identities, identities.c.identity == summaries.c.identity
    )
    rows = await connection.execute(query.where(any_of_values(identities.c.lead_id, lead_ids)))
    return [(row.lead_id, facts_from_json(row.facts)) for row in rows]


async def valid_from(connection: AsyncConnection, wanted: Collection[Identity]) -> datetime | None:
    """The earliest moment for which all of these identities' summaries are exact. None if there are none."""
    latest = select(func.max(summaries.c.valid_from)).where(any_of_values(summaries.c.identity, map(str, wanted)))
    found: datetime | None = (await connection.execute(latest)).scalar_one()
    return found


async def save(connection: AsyncConnection, changed: Collection[Summary]) -> None:
    """Insert or replace summaries. The leads that have the identities must be locked."""
    rows = [
        {"identity": str(each.identity), "facts": facts_to_json(each.facts), "valid_from": each.valid_from}
        for each in changed
    ]
    await _UPSERT.rows(connection, rows=rows)


_UPSERT = Statement(partial(upsert_rows, summaries))
