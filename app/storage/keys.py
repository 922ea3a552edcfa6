"""API keys in storage. Only a key's hash is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import Row, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.sql import UtcDateTime
from app.storage.tables import keys

KeyKind = Literal["write", "server", "read", "admin"]
KEY_KINDS: tuple[KeyKind, ...] = get_args(KeyKind)


@dataclass(frozen=True, slots=True)
class Key:
    """`hint` is the beginning of the key, to recognise it by. `origins` and `events` restrict a write key.

    `trait_map` maps names of form fields to traits.
    """

    id: UUID
    name: str
    kind: KeyKind
    hint: str
    origins: tuple[str, ...] | None
    events: tuple[str, ...] | None
    trait_map: Mapping[str, str] | None
    created_at: datetime
    revoked_at: datetime | None


async def insert(connection: AsyncConnection, key: Key, key_hash: str) -> None:
    row = {name: getattr(key, name) for name in Key.__slots__} | {"hash": key_hash}
    row |= {name: None if row[name] is None else list(row[name]) for name in ("origins", "events")}
    await connection.execute(keys.insert(), [row])


async def by_hash(connection: AsyncConnection, key_hash: str) -> Key | None:
    row = (await connection.execute(select(keys).where(keys.c.hash == key_hash))).first()
    return None if row is None else _from_row(row)


async def list_all(connection: AsyncConnection) -> list[Key]:
    return [_from_row(row) for row in await connection.execute(select(keys).order_by(keys.c.id))]


async def count(connection: AsyncConnection) -> int:
    return (await connection.execute(select(func.count()).select_from(keys))).scalar_one()


async def revoke(connection: AsyncConnection, key_id: UUID, now: datetime) -> bool:
    """Returns whether the key exists. A key that is revoked already keeps its time."""
    revoked = (
        update(keys)
        .where(keys.c.id == key_id)
        .values(revoked_at=func.coalesce(keys.c.revoked_at, literal(now, UtcDateTime)))
    )
    return (await connection.execute(revoked)).rowcount > 0


def _from_row(row: Row[Any]) -> Key:
    origins, events = (None if listed is None else tuple(listed) for listed in (row.origins, row.events))
    return Key(row.id, row.name, row.kind, row.hint, origins, events, row.trait_map, row.created_at, row.revoked_at)
