"""Recognises the key of a request."""

from collections.abc import Callable
from time import monotonic

from cachetools import TTLCache

from app.errors import InvalidKey
from app.services.keys import Key, hash_of
from app.storage import keys as key_store
from app.storage.db import Database

CACHED_S = 5
"""The longest that a revoked key still works."""

MAX_CACHED_KEYS = 10_000


class KeyRing:
    """Recognises keys and caches the results for a few seconds, unknown keys included."""

    def __init__(self, database: Database, clock_s: Callable[[], float] = monotonic) -> None:
        self._database = database
        self._clock_s = clock_s
        self.forget()

    async def recognise(self, secret: str | None) -> Key:
        """The key with this secret. Raises the same `InvalidKey` whether it is missing, unknown or revoked."""
        if not secret:
            raise InvalidKey
        hashed = hash_of(secret)
        try:
            key = self._cache[hashed]
        except KeyError:
            key = await self._look_up(hashed)
        if key is None or key.revoked_at is not None:
            raise InvalidKey
        return key

    def forget(self) -> None:
        """Empty the cache. A look-up that is under way fills the old cache, so its result is dropped too."""
        self._cache: TTLCache[str, Key | None] = TTLCache(MAX_CACHED_KEYS, CACHED_S, self._clock_s)

    async def _look_up(self, hashed: str) -> Key | None:
        cache = self._cache
        async with self._database.read() as connection:
            cache[hashed] = key = await key_store.by_hash(connection, hashed)
        return key
