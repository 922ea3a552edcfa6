"""Recognising the key of a request."""

from collections.abc import Callable
from time import monotonic

from cachetools import TTLCache

from app.errors import InvalidKey
from app.services.keys import Key, hash_of
from app.storage import keys as key_store
from app.storage.db import Database

CACHED_S = 5
"""How long a revoked key still works at most."""

MAX_CACHED_KEYS = 10_000


class KeyRing:
    """Recognises keys, and caches for a few seconds what it found, unknown keys included."""

    def __init__(self, database: Database, clock_s: Callable[[], float] = monotonic) -> None:
        self._database = database
        self._clock_s = clock_s
        self.forget()

    async def recognise(self, secret: str | None) -> Key:
        """The key with this secret. Raises `InvalidKey`, the same for all that are missing, unknown or revoked."""
        if not secret:
            raise InvalidKey
        hashed = hash_of(secret)
        try:
            key = self._found[hashed]
        except KeyError:
            key = await self._look_up(hashed)
        if key is None or key.revoked_at is not None:
            raise InvalidKey
        return key

    def forget(self) -> None:
        """Look up every key again. A look-up under way fills the old cache, and so is forgotten as well."""
        self._found: TTLCache[str, Key | None] = TTLCache(MAX_CACHED_KEYS, CACHED_S, self._clock_s)

    async def _look_up(self, hashed: str) -> Key | None:
        found = self._found
        async with self._database.read() as connection:
            found[hashed] = key = await key_store.by_hash(connection, hashed)
        return key
