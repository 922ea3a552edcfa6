"""API keys: generated at random, stored as hashes, shown once."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from app.errors import NotFound
from app.storage import keys as key_store
from app.storage.db import Database
from app.storage.keys import KEY_KINDS, Key, KeyKind

HINT_LENGTH = 6  # characters of the random part that stay visible, to distinguish keys


class NewKey(NamedTuple):
    """A new key with its secret, which is not available again."""

    key: Key
    secret: str


async def create_key(
    database: Database,
    kind: KeyKind,
    name: str,
    now: datetime,
    *,
    origins: Sequence[str] | None = None,
    events: Sequence[str] | None = None,
    trait_map: Mapping[str, str] | None = None,
) -> NewKey:
    """Create a key. Its secret has 256 random bits, so plain SHA-256 is enough: no search can find it."""
    created = _new_key(kind, name, now, origins, events, trait_map)
    async with database.write() as connection:
        await key_store.insert(connection, created.key, hash_of(created.secret))
    return created


async def create_first_keys(database: Database, now: datetime) -> list[NewKey]:
    """Create one key of each kind, in one transaction, if the database has no keys."""
    async with database.write() as connection:
        if await key_store.count(connection):
            return []
        created = [_new_key(kind, f"first-{kind}", now) for kind in KEY_KINDS]
        for key, secret in created:
            await key_store.insert(connection, key, hash_of(secret))
    return created


def _new_key(
    kind: KeyKind,
    name: str,
    now: datetime,
    origins: Sequence[str] | None = None,
    events: Sequence[str] | None = None,
    trait_map: Mapping[str, str] | None = None,
) -> NewKey:
    secret = f"ls_{kind}_{secrets.token_urlsafe(32)}"
    key = Key(
        id=uuid7(),
        name=name,
        kind=kind,
        hint=secret[: len(f"ls_{kind}_") + HINT_LENGTH],
        origins=None if origins is None else tuple(origins),
        events=None if events is None else tuple(events),
        trait_map=trait_map,
        created_at=now,
        revoked_at=None,
    )
    return NewKey(key, secret)


async def list_keys(database: Database) -> list[Key]:
    async with database.read() as connection:
        return await key_store.list_all(connection)


async def revoke_key(database: Database, key_id: UUID, now: datetime) -> None:
    async with database.write() as connection:
        if not await key_store.revoke(connection, key_id, now):
            msg = f"There is no key {key_id}. `leadscore keys list` shows all of them."
            raise NotFound(msg)


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


__all__ = ["Key", "KeyKind", "NewKey", "create_first_keys", "create_key", "hash_of", "list_keys", "revoke_key"]
