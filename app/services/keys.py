"""API keys: generated at random or chosen by an operator, stored as hashes, shown once."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.errors import NotFound, ValidationFailed
from app.services.failures import readable
from app.services.models import retry_on_conflict
from app.storage import keys as key_store
from app.storage.db import Database
from app.storage.keys import KEY_KINDS, Key, KeyKind
from app.validation.keys import ChosenKey

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
    expires_at: datetime | None = None,
) -> NewKey:
    """Create a key. Its secret has 256 random bits, so plain SHA-256 is enough: no search can find it."""
    if expires_at is not None and expires_at <= now:
        raise ValidationFailed("`expires_at` must be in the future.")
    secret = _new_secret(kind)
    key = replace(
        _new_key(kind, name, secret, now),
        origins=None if origins is None else tuple(origins),
        events=None if events is None else tuple(events),
        trait_map=trait_map,
        expires_at=expires_at,
    )
    async with database.write() as connection:
        await key_store.insert(connection, key, hash_of(secret))
    return NewKey(key, secret)


async def create_first_keys(database: Database, now: datetime) -> list[NewKey]:
    """Create one key of each kind, in one transaction, if the database has no keys."""
    async with database.write() as connection:
        if await key_store.count(connection):
            return []
        secrets_of_kinds = {kind: _new_secret(kind) for kind in KEY_KINDS}
        created = [
            NewKey(_new_key(kind, f"first-{kind}", secret, now), secret) for kind, secret in secrets_of_kinds.items()
        ]
        for key, secret in created:
            await key_store.insert(connection, key, hash_of(secret))
    return created


async def create_chosen_keys(database: Database, chosen: Iterable[ChosenKey], now: datetime) -> list[Key]:
    """Create the keys whose secrets have never been a key's, and return them.

    A secret that was revoked or replaced stays so, however often a process that lists it starts.
    """
    by_hash = {hash_of(each.secret): each for each in chosen}

    async def create_missing(connection: AsyncConnection) -> list[Key]:
        known = await key_store.known_hashes(connection, by_hash)
        missing = {
            hashed: _new_key(each.kind, each.name, each.secret, now)
            for hashed, each in by_hash.items()
            if hashed not in known
        }
        for hashed, key in missing.items():
            await key_store.insert(connection, key, hashed)
        return list(missing.values())

    return await retry_on_conflict(database, create_missing) if by_hash else []


async def list_keys(database: Database) -> list[Key]:
    async with database.read() as connection:
        return readable(await key_store.list_all(connection))


async def rotate_key(database: Database, key_id: UUID, overlap: timedelta, now: datetime) -> NewKey:
    """Give a key a new secret. Until the overlap ends, the old one works too, so that senders can change over.

    Raises `NotFound`, and `ValidationFailed` for a key that no longer works.
    """
    async with database.write() as connection:
        key = _existing(await key_store.lock(connection, key_id), key_id)
        if not key.is_valid(now):
            raise ValidationFailed("This key was revoked or has expired. Create a new one with the same name instead.")
        secret, until = _new_secret(key.kind), now + overlap
        hint = _hint(key.kind, secret)
        await key_store.replace_secret(connection, key_id, hash_of(secret), hint, now, until=until)
    return NewKey(replace(key, hint=hint, old_secret_until=until), secret)


async def revoke_key(database: Database, key_id: UUID, now: datetime) -> None:
    async with database.write() as connection:
        if not await key_store.revoke(connection, key_id, now):
            raise _unknown(key_id)


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _new_secret(kind: KeyKind) -> str:
    return f"ls_{kind}_{secrets.token_urlsafe(32)}"


def _new_key(kind: KeyKind, name: str, secret: str, now: datetime) -> Key:
    return Key(uuid7(), name, kind, _hint(kind, secret), created_at=now)


def _hint(kind: KeyKind, secret: str) -> str:
    prefix = f"ls_{kind}_"
    return secret[: HINT_LENGTH + (len(prefix) if secret.startswith(prefix) else 0)]


def _existing(key: Key | None, key_id: UUID) -> Key:
    if key is None:
        raise _unknown(key_id)
    return key


def _unknown(key_id: UUID) -> NotFound:
    return NotFound(f"There is no key {key_id}: list the keys to see which exist.")


__all__ = [
    "KEY_KINDS",
    "Key",
    "KeyKind",
    "NewKey",
    "create_chosen_keys",
    "create_first_keys",
    "create_key",
    "hash_of",
    "list_keys",
    "revoke_key",
    "rotate_key",
]
