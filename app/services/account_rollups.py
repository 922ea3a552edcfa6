"""Counting accounts: what their leads add up to, kept behind the feed.

A turn reads the next changes and counts the accounts of the leads in them again, from the leads' rows. That may take
long, so it is done by a reader, and the result is dropped if another process was faster. Counting an account twice does
no harm, and at a position, every account is as its leads are or were later. A published model may rename and reorder
stages, and a reader that has missed changes doesn't know what to count: then all are counted.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.accounts import AccountKey, Member, roll_up
from app.scoring.engine import CompiledModel
from app.services.models import ActiveModels, retry_on_conflict
from app.services.publications import Names, Publications
from app.storage import accounts as account_store
from app.storage import changes as change_store
from app.storage.accounts import Account, MemberRow, Progress
from app.storage.changes import Change
from app.storage.db import Database

ACCOUNTS_AT_ONCE = 200
"""How many accounts a turn counts while all are counted."""

log = structlog.get_logger()


async def are_accounts_behind(database: Database) -> bool:
    async with database.read() as connection:
        progress = await account_store.progress(connection)
        return progress.target is not None or progress.position != (await change_store.extent(connection)).last


async def take_turn(database: Database, models: ActiveModels) -> bool:
    """Count the accounts of the next changes. Returns whether there were any: then there may be more."""
    async with database.read() as connection:
        progress = await account_store.progress(connection)
        turn = await _count_next(connection, models, progress)
    if turn.reached == progress:
        return False

    async def store(connection: AsyncConnection) -> bool:
        if await account_store.lock_progress(connection) != progress:
            return False  # another process is at it, or was faster
        await _save(connection, turn.counted)
        if turn.is_last_of_all:
            await account_store.delete_empty(connection)
        await account_store.record_progress(connection, turn.reached)
        return True

    return await retry_on_conflict(database, store)


Counted = Mapping[AccountKey, Account | None]
"""What the leads of each account add up to; None for one without leads."""


class _Turn(NamedTuple):
    """Accounts as they were counted, and the progress that this makes."""

    reached: Progress
    counted: Counted
    is_last_of_all: bool = False


async def _count_next(connection: AsyncConnection, models: ActiveModels, progress: Progress) -> _Turn:
    if progress.target is not None:
        return await _count_next_of_all(connection, models, progress, progress.target)
    extent = await change_store.extent(connection)
    if not extent.pruned_to <= progress.position <= extent.last:
        if progress != Progress():  # they have been counted before
            log.info("counting all accounts again", counted_to=progress.position, feed_ends_at=extent.last)
        return _Turn(Progress(progress.position, extent.last), {})
    entries = await change_store.after(connection, progress.position)
    if not entries:
        return _Turn(progress, {})
    changes, last = [change for _, change in entries], entries[-1][0]
    if any(change.type == "model.published" for change in changes):
        return _Turn(Progress(progress.position, last), {})
    return _Turn(Progress(last), await _count(connection, models, await _accounts_of(connection, changes)))


async def _count_next_of_all(
    connection: AsyncConnection, models: ActiveModels, progress: Progress, target: int
) -> _Turn:
    """The next of all accounts; at the end, those that have lost all leads are gone."""
    keys = await account_store.next_keys(connection, progress.counted_to, ACCOUNTS_AT_ONCE)
    counted = await _count(connection, models, keys)
    if len(keys) == ACCOUNTS_AT_ONCE:
        return _Turn(Progress(progress.position, target, str(keys[-1])), counted)
    return _Turn(Progress(target), counted, is_last_of_all=True)


async def _accounts_of(connection: AsyncConnection, changes: Iterable[Change]) -> set[AccountKey]:
    """The accounts that the leads of these changes belong to, and those that they have left."""
    lead_ids, left = set[UUID](), set[UUID]()
    for change in changes:
        if change.lead_id is not None:
            lead_ids.add(change.lead_id)
        if change.type == "lead.account_changed" and change.data["from"] is not None:
            left.add(UUID(change.data["from"]))
    return await account_store.of_leads(connection, lead_ids) | await account_store.keys_of(connection, left)


async def recount_accounts(connection: AsyncConnection, models: ActiveModels, keys: Collection[AccountKey]) -> None:
    """Count these accounts by the active model. Those without leads are deleted."""
    await _save(connection, await _count(connection, models, keys))


async def _save(connection: AsyncConnection, counted: Counted) -> None:
    if counted:
        await account_store.save(connection, [account for account in counted.values() if account is not None])
        await account_store.delete_many(connection, {key for key, account in counted.items() if account is None})


async def _count(connection: AsyncConnection, models: ActiveModels, keys: Collection[AccountKey]) -> Counted:
    if not keys:
        return {}
    rows = await account_store.members(connection, keys)
    publications = await Publications.read(connection, models)
    versions = {row.model_version for of_account in rows.values() for row in of_account}
    names = await publications.present_names(versions)
    model = await publications.model(publications.latest)
    found = await asyncio.to_thread(_rolled_up, model, names, rows)  # a large account takes a while
    return dict.fromkeys(keys) | {account.key: account for account in found}


def _rolled_up(
    model: CompiledModel, names: Mapping[int, Names], rows: Mapping[AccountKey, Sequence[MemberRow]]
) -> list[Account]:
    """The accounts, as far as their leads can be read: the others must not hold up the count of all."""
    members = {
        key: [
            Member(row.lead_id, stage, row.scores)
            for row in of_account
            if (stage := names.get(row.model_version, {}).get(row.stage)) and not isinstance(row.scores, Exception)
        ]
        for key, of_account in rows.items()
    }
    stages, version = model.document.stages, model.version
    return [Account(key, roll_up(stages, model.scores, each), version) for key, each in members.items() if each]
