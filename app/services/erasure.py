"""Erasure: a person's right to be forgotten. Everything that is stored of a lead is deleted in one transaction."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.errors import NotFound
from app.services.account_rollups import recount_accounts
from app.services.changes import changed_account
from app.services.groups import refold_groups
from app.services.models import ActiveModels, retry_on_conflict
from app.services.suppressions import Suppressions
from app.storage import changes as change_store
from app.storage import erasure as erasure_store
from app.storage import events as event_store
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage.changes import Change
from app.storage.db import Conflict, Database


async def erase_lead(
    database: Database,
    models: ActiveModels,
    lead_id: UUID,
    now: datetime,
    suppressions: Suppressions | None = None,
) -> None:
    """Erase a lead, and all leads that were merged into it. The feed says `lead.erased` of each id.

    With `suppressions`, later events of the same identities are dropped; without, they make a new lead. Raises
    `NotFound`, or `ValidationFailed` if there is no secret to suppress people with.
    """

    async def erase(connection: AsyncConnection) -> None:
        lead = await lead_store.get(connection, lead_id)
        if lead is None:
            msg = f"There is no lead {lead_id}."
            raise NotFound(msg)
        lead_ids = await erasure_store.lock(connection, lead.id)
        if (await lead_store.survivors(connection, [lead.id])).get(lead.id) != lead.id:
            raise Conflict  # merged or erased while we waited for the lock
        identities = (await identity_store.by_lead(connection, [lead.id]))[lead.id]
        keys = list(map(str, identities))
        if suppressions is not None:
            await suppressions.add(connection, identities, now)
        groups = await event_store.groups_named_under(connection, keys)
        await erasure_store.erase(connection, lead_ids, keys)
        await refold_groups(connection, groups)
        await recount_accounts(connection, models, {lead.account} if lead.account else ())
        left = changed_account(lead.id, lead.account, None, now)
        erased = (Change(uuid7(), "lead.erased", now, each, {}) for each in lead_ids)
        await change_store.insert(connection, [*left, *erased], now)

    await retry_on_conflict(database, erase)
