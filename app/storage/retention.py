"""Retention in storage: which events and leads are old enough to be deleted."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.events import Event
from app.storage.db import keep_plans_of_checks
from app.storage.events import READ, event_of_row, not_of_leads
from app.storage.sql import any_of_values
from app.storage.tables import events, identities, leads, retracted_events


async def oldest_events(
    connection: AsyncConnection, before: datetime, limit: int, without: Collection[UUID]
) -> list[Event]:
    """The oldest events, if they were received before a moment. Ids ascend nearly in the order of receipt.

    `without`: leads whose events are left out. Raises `UnreadableEvent`.
    """
    rows = await connection.execute(select(*READ).where(*not_of_leads(without)).order_by(events.c.id).limit(limit))
    return [event_of_row(row) for row in rows if isinstance(row.received_at, Exception) or row.received_at < before]


async def last_retraction(connection: AsyncConnection, ids: Collection[UUID]) -> datetime | None:
    """When one of these events was last retracted or restored."""
    latest = func.max(func.coalesce(retracted_events.c.restored_at, retracted_events.c.retracted_at))
    query = select(latest).where(any_of_values(retracted_events.c.event_id, ids))
    found: datetime | None = (await connection.execute(query)).scalar_one()
    return found


async def delete_events(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, UUID | None]:
    """Delete those of these events that are still there. Returns the retraction of each."""
    await keep_plans_of_checks(connection)
    await connection.execute(delete(retracted_events).where(any_of_values(retracted_events.c.event_id, ids)))
    deleted = delete(events).where(any_of_values(events.c.id, ids)).returning(events.c.id, events.c.retraction_id)
    return {row.id: row.retraction_id for row in await connection.execute(deleted)}


async def lock_anonymous(
    connection: AsyncConnection, before: date, after: tuple[date, UUID] | None, limit: int
) -> list[tuple[date, UUID]]:
    """Lock leads that have only anonymous ids and were last seen before a day: the day and the id, in this order.

    Leads that others have locked are skipped, and so are those that were split: once they are forgotten, messages could
    join the two sides again.
    """
    place = (leads.c.last_seen_on, leads.c.id)
    is_named = identities.c.identity.not_like("anonymous_id:%")
    named = select(identities.c.identity).where(identities.c.lead_id == leads.c.id, is_named).exists()
    query = select(*place).where(
        and_(leads.c.merged_into.is_(None), leads.c.last_seen_on < before, leads.c.separations.is_(None), ~named)
    )
    if after is not None:
        later_that_day = and_(leads.c.last_seen_on == after[0], leads.c.id > after[1])
        query = query.where(or_(leads.c.last_seen_on > after[0], later_that_day))
    rows = await connection.execute(query.order_by(*place).limit(limit).with_for_update(of=leads, skip_locked=True))
    return [(row.last_seen_on, row.id) for row in rows]
