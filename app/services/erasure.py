"""Erasure: a person's right to be forgotten. Everything that is stored of a lead is deleted.

That is one transaction, but what takes long is done before it, so that ingestion never waits for it: most of the lead's
events are deleted chunk by chunk, and what names the person elsewhere is searched for. Each chunk leaves an exact lead:
if the process dies between two of them, the lead can be erased again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.errors import NotFound
from app.protocol.identities import as_address
from app.scoring.events import Identity
from app.services.account_rollups import recount_accounts
from app.services.changes import changed_account
from app.services.groups import refold_groups
from app.services.leads import find_lead
from app.services.models import ActiveModels, retry_on_conflict
from app.services.summaries import summarize
from app.services.suppressions import Suppressions
from app.storage import changes as change_store
from app.storage import erasure as erasure_store
from app.storage import events as event_store
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import links as link_store
from app.storage import mentions as mention_store
from app.storage.changes import Change
from app.storage.db import Conflict, Database
from app.storage.events import LONGEST_WRITE, sound_among
from app.storage.mentions import Mentions, Person, Source, Start

CHUNK_EVENTS = 500
ROWS_SEARCHED_AT_ONCE = 10_000


async def erase_lead(
    database: Database,
    models: ActiveModels,
    wanted: UUID | Identity,
    now: datetime,
    suppressions: Suppressions | None = None,
    chunk: int = CHUNK_EVENTS,
) -> None:
    """Erase the lead with an id or identity, and all leads merged into it. The feed says `lead.erased` of each id.

    With `suppressions`, later events of the same identities are dropped; without, they make a new lead. Raises
    `NotFound`, or `ValidationFailed` if there is no secret to suppress people with. The lead itself isn't read: a
    damaged one can be erased.
    """
    if suppressions is not None:
        suppressions.check()

    async def delete_some(connection: AsyncConnection) -> bool:
        return await delete_events(connection, models, await _lock(connection, wanted), chunk)

    while await retry_on_conflict(database, delete_some):
        pass
    erase = partial(erase_found, models=models, wanted=wanted, now=now, suppressions=suppressions)
    is_erased = False
    while not is_erased:
        search = await search_mentions(database, wanted, now)
        is_erased = await retry_on_conflict(database, partial(erase, search=search))


async def erase_person(
    database: Database,
    models: ActiveModels,
    wanted: UUID | Identity,
    now: datetime,
    suppressions: Suppressions | None,
) -> None:
    """Erase a lead, as `erase_lead` does. By an identity that no lead has, erase whatever else names the person.

    These are messages that were rejected or quarantined, and those of others. If no lead has a `user_id` that is an
    address, the address is erased instead. Raises `NotFound` if there are none.
    """
    try:
        await erase_lead(database, models, wanted, now, suppressions)
    except NotFound:
        if not isinstance(wanted, Identity):
            raise
        if (address := as_address(wanted)) != wanted:
            await erase_person(database, models, address, now, suppressions)
        elif not await _forget_stranger(database, wanted, now, suppressions):
            raise


async def _forget_stranger(
    database: Database, identity: Identity, now: datetime, suppressions: Suppressions | None
) -> bool:
    """Remove the mentions of somebody who has no lead. Returns False if there was nothing to do."""
    person = Person(frozenset(), frozenset([identity]))
    found = await _search(database, person)

    async def forget(connection: AsyncConnection) -> None:
        await mention_store.remove(connection, person, found)
        if suppressions is not None:
            await suppressions.add(connection, person.identities, now)

    await retry_on_conflict(database, forget)
    return found != Mentions() or suppressions is not None


async def _lock(connection: AsyncConnection, wanted: UUID | Identity) -> UUID:
    """Lock the lead, and return its id."""
    lead_id = await find_lead(connection, wanted)
    await erasure_store.lock(connection, lead_id)
    if await find_lead(connection, wanted) != lead_id:
        raise Conflict  # merged or split while we waited for the lock
    return lead_id


async def delete_events(connection: AsyncConnection, models: ActiveModels, lead_id: UUID, limit: int) -> bool:
    """Delete some of a locked lead's events and keep their facts. Returns False if few are left, which stay.

    Those that can't be read stay too.
    """
    found = await event_store.some_of_lead(connection, lead_id, limit)
    sound = sound_among(found)
    if len(found) < limit or not sound:
        return False
    await summarize(connection, await models.active(connection), sound)
    return True


# --- What names the person elsewhere ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Search:
    """What a search for mentions of a person found, and when it began."""

    person: Person
    found: Mentions
    start: Start


async def search_mentions(
    database: Database, wanted: UUID | Identity, now: datetime, rows: int = ROWS_SEARCHED_AT_ONCE
) -> Search:
    """Look through all that may name the person. Reads much, but waits for nobody, and nobody waits for it."""
    async with database.read() as connection:
        person = await _person(connection, await find_lead(connection, wanted))
        start = Start((await change_store.extent(connection)).last, now - LONGEST_WRITE)
    return Search(person, await _search(database, person, rows), start)


async def _search(database: Database, person: Person, rows: int = ROWS_SEARCHED_AT_ONCE) -> Mentions:
    found = Mentions()
    for source in mention_store.SOURCES:
        found += await _search_source(database, source, person, rows)
    return found


async def _search_source(database: Database, source: Source, person: Person, rows: int) -> Mentions:
    found, after = Mentions(), None
    while True:
        async with database.read() as connection:
            end = await mention_store.range_end(connection, source, after, rows)
            found += await mention_store.search(connection, source, person, after, end)
        if end is None:
            return found
        after = end


async def _person(connection: AsyncConnection, lead_id: UUID) -> Person:
    lead_ids = await link_store.with_merged(connection, [lead_id])
    identities = (await identity_store.by_lead(connection, [lead_id]))[lead_id]
    return Person(frozenset(lead_ids), frozenset(identities))


# --- The last transaction ---------------------------------------------------------------------------------------


async def erase_found(
    connection: AsyncConnection,
    *,
    models: ActiveModels,
    wanted: UUID | Identity,
    search: Search,
    now: datetime,
    suppressions: Suppressions | None,
) -> bool:
    """Erase a lead after a search. Returns False, and does nothing, if that was for another one or other identities."""
    lead_id = await _lock(connection, wanted)
    person = await _person(connection, lead_id)
    if not search.person.includes(person):
        return False
    accounts = await lead_store.accounts(connection, [lead_id])
    later = await mention_store.search_since(connection, person, search.start)
    await mention_store.remove(connection, person, search.found + later)
    await delete_leads(connection, {lead_id: person.identities}, now)
    # At once, and not by the worker behind the feed: until then, the account may name the lead as its highest.
    await recount_accounts(connection, models, set(accounts.values()))
    if suppressions is not None:
        await suppressions.add(connection, person.identities, now)
    return True


async def delete_leads(connection: AsyncConnection, owned: Mapping[UUID, Collection[Identity]], now: datetime) -> None:
    """Delete locked leads, of which `owned` has all identities, with those merged into them, and all their messages.

    What was known of groups by these is forgotten. The feed says that the leads left their accounts and are erased.
    """
    ids = await link_store.with_merged(connection, owned)
    keys = [str(identity) for theirs in owned.values() for identity in theirs]
    accounts = await lead_store.accounts(connection, owned)
    groups = await event_store.groups_named_under(connection, keys)
    await erasure_store.delete_rows(connection, ids, keys)
    await refold_groups(connection, groups)
    left = [change for lead_id in owned for change in changed_account(lead_id, accounts.get(lead_id), None, now)]
    erased = [Change(uuid7(), "lead.erased", now, each, {}) for each in ids]
    await change_store.insert(connection, [*left, *erased], now)
