"""Erasure in storage: removing leads from every table.

What stays in the feed are ids, stages and scores: readers that have not come so far yet still see that something
changed, and then that the lead was erased.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.db import keep_plans_of_checks
from app.storage.sql import any_of_values
from app.storage.tables import (
    deliveries,
    events,
    former_identities,
    group_summaries,
    identities,
    leads,
    retracted_events,
    summaries,
    transitions,
)


async def lock(connection: AsyncConnection, lead_id: UUID) -> None:
    """Lock a lead without reading it: its row may be damaged."""
    await connection.execute(select(leads.c.id).where(leads.c.id == lead_id).with_for_update())


async def delete_rows(connection: AsyncConnection, lead_ids: Collection[UUID], keys: Collection[str]) -> None:
    """Delete the rows of locked leads. `keys`: their identities, as `kind:value`."""
    await keep_plans_of_checks(connection)
    theirs = any_of_values(events.c.identity, keys)
    await connection.execute(
        delete(retracted_events).where(retracted_events.c.event_id.in_(select(events.c.id).where(theirs)))
    )
    await connection.execute(delete(events).where(theirs))
    for table in (transitions, deliveries, identities, former_identities):
        await connection.execute(delete(table).where(any_of_values(table.c.lead_id, lead_ids)))
    for table in (former_identities, summaries, group_summaries):
        await connection.execute(delete(table).where(any_of_values(table.c.identity, keys)))
    await connection.execute(delete(leads).where(any_of_values(leads.c.id, lead_ids)))
