"""Suppressions in storage: the hashes of identities whose events are dropped.

Ids ascend in the order of commits, because one transaction adds suppressions at a time: a process that has seen the
newest one has seen them all.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.db import lock_writes
from app.storage.queries import UnreadableRow, fetch_all, fetch_each_as, latest_first
from app.storage.sql import any_of_param, any_of_values
from app.storage.statements import Statement
from app.storage.tables import suppressions


@dataclass(frozen=True, slots=True)
class Suppression:
    """One identity. `hash` was made with the secret of `secret_id`."""

    id: int
    hash: str
    secret_id: str
    created_at: datetime


async def insert(connection: AsyncConnection, hashes: Iterable[str], secret_id: str, now: datetime) -> None:
    """Suppress identities by their hashes, except those that are suppressed already.

    Others that add some wait until this transaction ends.
    """
    await lock_writes(connection, suppressions)
    wanted = sorted(set(hashes))
    known = select(suppressions.c.hash).where(any_of_values(suppressions.c.hash, wanted))
    found = set((await connection.execute(known)).scalars())
    rows = [{"hash": each, "secret_id": secret_id, "created_at": now} for each in wanted if each not in found]
    if rows:
        await connection.execute(suppressions.insert(), rows)


_FIND = Statement(lambda _: select(suppressions.c.hash).where(any_of_param(suppressions.c.hash, "hashes")))


async def find(connection: AsyncConnection, hashes: Collection[str]) -> set[str]:
    """Those of these hashes that are suppressed."""
    return {row.hash for row in await _FIND.rows(connection, hashes=list(hashes))}


async def of_hashes(connection: AsyncConnection, hashes: Collection[str]) -> list[Suppression]:
    """The latest first."""
    query = select(suppressions).where(any_of_values(suppressions.c.hash, hashes)).order_by(suppressions.c.id.desc())
    return await fetch_all(connection, query, Suppression)


async def page(connection: AsyncConnection, after: int | None, limit: int) -> list[Suppression | UnreadableRow]:
    """The latest first."""
    query = latest_first(select(suppressions), suppressions.c.id, after, limit)
    return await fetch_each_as(connection, suppressions, query, Suppression)


async def remove(connection: AsyncConnection, suppression_id: int) -> bool:
    """Returns False if there is none."""
    return (await connection.execute(delete(suppressions).where(suppressions.c.id == suppression_id))).rowcount == 1


async def remove_by_hash(connection: AsyncConnection, hashed: str) -> bool:
    """Returns False if there is none."""
    return (await connection.execute(delete(suppressions).where(suppressions.c.hash == hashed))).rowcount == 1
