"""Erasure: a person's right to be forgotten. Everything that is stored of a lead is deleted.

That is one transaction, but what is unbounded is removed before it, chunk by chunk, so that ingestion never waits long:
most of the lead's events, and what names the person elsewhere. Each chunk leaves an exact lead: if the process dies
between two of them, the lead can be erased again.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.errors import NotFound
from app.services.account_rollups import recount_accounts
from app.services.changes import changed_account
from app.services.groups import refold_groups
from app.services.models import ActiveModels, retry_on_conflict
from app.services.summaries import summarize
from app.services.suppressions import Suppressions
from app.storage import changes as change_store
from app.storage import erasure as erasure_store
from app.storage import events as event_store
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage.changes import Change
from app.storage.db import Conflict, Database

CHUNK_EVENTS = 500


async def erase_lead(
    database: Database,
    models: ActiveModels,
    lead_id: UUID,
    now: datetime,
    suppressions: Suppressions | None = None,
    chunk: int = CHUNK_EVENTS,
) -> None:
    """Erase a lead, and all leads that were merged into it. The feed says `lead.erased` of each id.

    With `suppressions`, later events of the same identities are dropped; without, they make a new lead. Raises
    `NotFound`, or `ValidationFailed` if there is no secret to suppress people with. The lead itself isn't read: a
    damaged one can be erased.
    """
    if suppressions is not None:
        suppressions.check()

    async def delete_some(connection: AsyncConnection) -> bool:
        lead_ids = await _lock(connection, lead_id)
        return await delete_events(connection, models, lead_ids[0], chunk)

    async def erase(connection: AsyncConnection) -> None:
        lead_ids = await _lock(connection, lead_id)
        await _erase(connection, models, lead_ids, now, suppressions)

    while await retry_on_conflict(database, delete_some):
        pass
    await retry_on_conflict(database, erase)


async def _lock(connection: AsyncConnection, lead_id: UUID) -> list[UUID]:
    """Lock the lead that an id refers to. Returns its id, then those of the leads that were merged into it."""
    survivor = (await lead_store.survivors(connection, [lead_id])).get(lead_id)
    if survivor is None:
        msg = f"There is no lead {lead_id}."
        raise NotFound(msg)
    lead_ids = await erasure_store.lock(connection, survivor)
    if (await lead_store.survivors(connection, [survivor])).get(survivor) != survivor:
        raise Conflict  # merged or erased while we waited for the lock
    return lead_ids


async def delete_events(connection: AsyncConnection, models: ActiveModels, lead_id: UUID, limit: int) -> bool:
    """Delete some of a locked lead's events and keep their facts. Returns False if few are left, which stay."""
    found = await event_store.some_of_lead(connection, lead_id, limit)
    if len(found) < limit:
        return False
    await summarize(connection, await models.active(connection), found)
    return True


async def _erase(
    connection: AsyncConnection,
    models: ActiveModels,
    lead_ids: list[UUID],
    now: datetime,
    suppressions: Suppressions | None,
) -> None:
    lead_id = lead_ids[0]
    identities = (await identity_store.by_lead(connection, [lead_id]))[lead_id]
    account = (await lead_store.accounts(connection, [lead_id])).get(lead_id)
    keys = list(map(str, identities))
    if suppressions is not None:
        await suppressions.add(connection, identities, now)
    groups = await event_store.groups_named_under(connection, keys)
    await erasure_store.erase(connection, lead_ids, keys)
    await refold_groups(connection, groups)
    await recount_accounts(connection, models, {account} if account else ())
    left = changed_account(lead_id, account, None, now)
    erased = (Change(uuid7(), "lead.erased", now, each, {}) for each in lead_ids)
    await change_store.insert(connection, [*left, *erased], now)
