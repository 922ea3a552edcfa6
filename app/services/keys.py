"""API keys: made at random, kept as hashes, shown once."""

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from app.errors import InvalidKey, NotFound
from app.storage import keys as key_store
from app.storage.db import Database
from app.storage.keys import KEY_KINDS, Key, KeyKind

HINT_LENGTH = 6  # characters of the random part that are shown again, to tell keys by
REMEMBERED_S = 5
"""How long a key that was looked up is trusted: a revoked one works no longer than this."""

MAX_CACHED_KEYS = 10_000


class NewKey(NamedTuple):
    """A key and, this once, its secret."""

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
    """Make a key. 256 random bits need no slow hash: SHA-256 of them can't be searched."""
    made = _new_key(kind, name, now, origins, events, trait_map)
    async with database.write() as connection:
        await key_store.insert(connection, made.key, hash_of(made.secret))
    return made


async def create_first_keys(database: Database, now: datetime) -> list[NewKey]:
    """One key of each kind for a database that has none: all of them, or none."""
    async with database.write() as connection:
        if await key_store.count(connection):
            return []
        made = [_new_key(kind, f"first-{kind}", now) for kind in KEY_KINDS]
        for key, secret in made:
            await key_store.insert(connection, key, hash_of(secret))
    return made


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


class KeyRing:
    """Recognises keys, remembering for a few seconds those that it has looked up."""

    def __init__(self, database: Database, clock_s: Callable[[], float] = monotonic) -> None:
        self._database = database
        self._clock_s = clock_s
        self._found: dict[str, tuple[float, Key | None]] = {}

    async def recognise(self, secret: str | None) -> Key:
        """Whose secret this is. Raises `InvalidKey`, the same for all that are none."""
        if not secret:
            raise InvalidKey
        hashed = hash_of(secret)
        looked_up_at, key = self._found.get(hashed, (-REMEMBERED_S, None))
        if self._clock_s() - looked_up_at >= REMEMBERED_S:
            key = await self._look_up(hashed)
        if key is None or key.revoked_at is not None:
            raise InvalidKey
        return key

    def forget(self) -> None:
        """Look up every key anew."""
        self._found = {}

    async def _look_up(self, hashed: str) -> Key | None:
        found = self._found  # what is forgotten while we ask stays forgotten
        async with self._database.read() as connection:
            key = await key_store.by_hash(connection, hashed)
        if len(found) >= MAX_CACHED_KEYS:
            found.clear()
        found[hashed] = (self._clock_s(), key)
        return key


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


__all__ = [
    "Key",
    "KeyKind",
    "KeyRing",
    "NewKey",
    "create_first_keys",
    "create_key",
    "hash_of",
    "list_keys",
    "revoke_key",
]
