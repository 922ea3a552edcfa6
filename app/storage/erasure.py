"""Erasure in storage: removing a person from every table.

What stays in the feed are ids, stages and scores: readers that have not come so far yet still see that something
changed, and then that the lead was erased.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, Text, bindparam, cast, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.sql import any_of_param, any_of_values, dumps, list_items
from app.storage.statements import Statement
from app.storage.tables import (
    commits,
    deliveries,
    events,
    former_identities,
    group_summaries,
    identities,
    leads,
    rejections,
    retracted_events,
    summaries,
    transitions,
)

PERSONAL = ("message_ids", "names")
"""Lists in the data of a change whose items a client chose: ids of messages and names of traits."""


async def lock(connection: AsyncConnection, lead_id: UUID) -> list[UUID]:
    """Lock a lead, and return its id, then those of all leads that were merged into it."""
    await connection.execute(select(leads.c.id).where(leads.c.id == lead_id).with_for_update())
    merged = select(leads.c.id).where(leads.c.merged_into == lead_id)
    return [lead_id, *(await connection.execute(merged)).scalars()]


async def erase(connection: AsyncConnection, lead_ids: Collection[UUID], keys: Collection[str]) -> None:
    """Delete all that is stored of locked leads, also what names them. `keys`: their identities, as `kind:value`."""
    for key in keys:
        quoted = cast(rejections.c.identities, Text).contains(dumps(key), autoescape=True)
        await connection.execute(delete(rejections).where(quoted))
    await _redact(connection, lead_ids)
    await delete_rows(connection, lead_ids, keys)
    await _forget_in_others_events(connection, keys)


async def delete_rows(connection: AsyncConnection, lead_ids: Collection[UUID], keys: Collection[str]) -> None:
    """Delete the rows of locked leads. `keys`: their identities, as `kind:value`."""
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


async def _forget_in_others_events(connection: AsyncConnection, keys: Collection[str]) -> None:
    """Remove identities from events that are filed under another person's, as after a visit to a shared browser.

    Such an event linked nothing, so it won't if everything is rebuilt. Reads the whole log.
    """
    rows = await _NAMED.rows(connection, keys=list(keys))
    others = [{"event": row.id, "left": [each for each in row.identities if each not in keys]} for row in rows]
    if others:
        await connection.execute(
            update(events).where(events.c.id == bindparam("event")).values(identities=bindparam("left")), others
        )


def _named(dialect: Dialect) -> Any:
    items = list_items(events.c.identities, dialect)
    is_named = select(items.c.value).where(any_of_param(items.c.value, "keys")).exists()
    return select(events.c.id, events.c.identities).where(is_named)


_NAMED = Statement(_named)


async def _redact(connection: AsyncConnection, lead_ids: Collection[UUID]) -> None:
    """Empty the lists of the leads' changes in the feed. Reads the whole feed, since it has no index by lead."""
    ids = {str(lead_id) for lead_id in lead_ids}
    mentioned = or_(*(cast(commits.c.changes, Text).contains(lead_id) for lead_id in ids))
    for row in (await connection.execute(select(commits.c.id, commits.c.changes).where(mentioned))).all():
        entries = [_redacted(entry) if entry[3] in ids else entry for entry in row.changes]
        await connection.execute(update(commits).where(commits.c.id == row.id).values(changes=entries))


def _redacted(entry: list[Any]) -> list[Any]:
    *head, data = entry
    return [*head, data | {name: [] for name in PERSONAL if name in data}]
