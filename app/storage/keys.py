"""API keys in storage. Only the hashes of secrets are stored."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, literal, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.queries import UnreadableRow, fetch_each_as, fetch_first
from app.storage.sql import UtcDateTime, any_of_values
from app.storage.tables import keys, old_secrets
from app.validation.keys import KEY_KINDS, KeyKind

USE_PRECISION = timedelta(minutes=1)
"""A use is stored only if the stored one is older than that: keys that are always in use change rarely."""


@dataclass(frozen=True, slots=True)
class Key:
    """`hint` is the beginning of the key, to recognise it by. `origins` and `events` restrict a write key.

    `trait_map` maps names of form fields to traits. `old_secret_until`: when the last replaced secret ends.
    """

    id: UUID
    name: str
    kind: KeyKind
    hint: str
    created_at: datetime
    origins: tuple[str, ...] | None = None
    events: tuple[str, ...] | None = None
    trait_map: Mapping[str, str] | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    old_secret_until: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


_OLD_SECRET_UNTIL = select(func.max(old_secrets.c.ends_at)).where(old_secrets.c.key_id == keys.c.id).scalar_subquery()
_COLUMNS = [keys.c[name] for name in Key.__slots__ if name in keys.c] + [_OLD_SECRET_UNTIL.label("old_secret_until")]


async def insert(connection: AsyncConnection, key: Key, key_hash: str) -> None:
    row = {name: getattr(key, name) for name in Key.__slots__ if name in keys.c} | {"hash": key_hash}
    row |= {name: None if row[name] is None else list(row[name]) for name in ("origins", "events")}
    await connection.execute(keys.insert(), [row])


async def by_hash(connection: AsyncConnection, key_hash: str) -> Key | None:
    """The key whose secret has this hash. If that secret was replaced, `expires_at` is when it ends."""
    key = await fetch_first(connection, select(*_COLUMNS).where(keys.c.hash == key_hash), _from_row)
    if key is not None:
        return key
    old = (await connection.execute(select(old_secrets).where(old_secrets.c.hash == key_hash))).first()
    if old is None:
        return None
    key = await fetch_first(connection, select(*_COLUMNS).where(keys.c.id == old.key_id), _from_row)
    return key and replace(key, expires_at=min(old.ends_at, key.expires_at or old.ends_at))


async def lock(connection: AsyncConnection, key_id: UUID) -> Key | None:
    """The key, locked until the transaction ends."""
    query = select(*_COLUMNS).where(keys.c.id == key_id).with_for_update(of=keys)
    return await fetch_first(connection, query, _from_row)


async def list_all(connection: AsyncConnection) -> list[Key | UnreadableRow]:
    return await fetch_each_as(connection, keys, select(*_COLUMNS).order_by(keys.c.id), _from_row)


async def count(connection: AsyncConnection) -> int:
    return (await connection.execute(select(func.count()).select_from(keys))).scalar_one()


async def known_hashes(connection: AsyncConnection, hashes: Collection[str]) -> set[str]:
    """Those that are or were the hash of a key's secret."""
    query = union(*(select(table.c.hash).where(any_of_values(table.c.hash, hashes)) for table in (keys, old_secrets)))
    return set((await connection.execute(query)).scalars())


async def replace_secret(
    connection: AsyncConnection, key_id: UUID, key_hash: str, hint: str, now: datetime, *, until: datetime
) -> None:
    """Give a locked key a new secret. The one before, and those before that, end at `until` or earlier."""
    await connection.execute(
        update(old_secrets).where(old_secrets.c.key_id == key_id, old_secrets.c.ends_at > until).values(ends_at=until)
    )
    present = select(keys.c.hash, keys.c.id, literal(now, UtcDateTime), literal(until, UtcDateTime))
    columns = ["hash", "key_id", "replaced_at", "ends_at"]
    await connection.execute(old_secrets.insert().from_select(columns, present.where(keys.c.id == key_id)))
    await connection.execute(update(keys).where(keys.c.id == key_id).values(hash=key_hash, hint=hint))


async def revoke(connection: AsyncConnection, key_id: UUID, now: datetime) -> bool:
    """Returns whether the key exists. A key that is revoked already keeps its time."""
    revoked = (
        update(keys)
        .where(keys.c.id == key_id)
        .values(revoked_at=func.coalesce(keys.c.revoked_at, literal(now, UtcDateTime)))
    )
    return (await connection.execute(revoked)).rowcount > 0


async def note_uses(connection: AsyncConnection, uses: Mapping[UUID, datetime]) -> None:
    """Store when keys were last used. In the order of their ids, so that replicas don't deadlock."""
    is_older = or_(keys.c.last_used_at.is_(None), keys.c.last_used_at < bindparam("before", type_=UtcDateTime))
    noted = (
        update(keys)
        .where(keys.c.id == bindparam("key"), is_older)
        .values(last_used_at=bindparam("used_at", type_=UtcDateTime))
    )
    rows = [{"key": each, "used_at": uses[each], "before": uses[each] - USE_PRECISION} for each in sorted(uses)]
    await connection.execute(noted, rows)


def _from_row(**row: Any) -> Key:
    lists = {name: None if row[name] is None else tuple(row[name]) for name in ("origins", "events")}
    return Key(**row | lists)


__all__ = ["KEY_KINDS", "Key", "KeyKind"]
