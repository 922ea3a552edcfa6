"""Recognises the key of a request, and remembers when each key was last used."""

from collections.abc import Callable
from datetime import datetime
from time import monotonic
from uuid import UUID

from cachetools import TTLCache

from app.errors import InvalidKey, Unavailable
from app.services.keys import Key, hash_of
from app.storage import keys as key_store
from app.storage.db import Database

CACHED_S = 5
"""The longest that a revoked key still works."""

MAX_CACHED_KEYS = 10_000


class KeyRing:
    """Recognises keys and caches the results for a few seconds, unknown keys included.

    Uses are kept in memory until `note_uses` stores them, so that requests don't wait for it.
    """

    def __init__(
        self, database: Database, clock: Callable[[], datetime], clock_s: Callable[[], float] = monotonic
    ) -> None:
        self._database = database
        self._clock = clock
        self._clock_s = clock_s
        self._uses: dict[UUID, datetime] = {}
        self.forget()

    async def recognise(self, secret: str | None) -> Key:
        """The key with this secret; its `expires_at` is when this secret stops working.

        Raises the same `InvalidKey` whether it is missing, unknown, expired, replaced or revoked.
        """
        if not secret:
            raise InvalidKey
        hashed = hash_of(secret)
        try:
            key = self._cache[hashed]
        except KeyError:
            key = await self._look_up(hashed)
        now = self._clock()
        if key is None or not key.is_valid(now):
            raise InvalidKey
        self._uses[key.id] = now
        return key

    async def note_uses(self) -> None:
        """Store when the keys were last used that were used since the last call. Raises `Unavailable`."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            async with self._database.write() as connection:
                await key_store.note_uses(connection, uses)
        except Unavailable:
            self._uses = uses | self._uses
            raise

    def forget(self) -> None:
        """Empty the cache. A look-up that is under way fills the old cache, so its result is dropped too."""
        self._cache: TTLCache[str, Key | None] = TTLCache(MAX_CACHED_KEYS, CACHED_S, self._clock_s)

    async def _look_up(self, hashed: str) -> Key | None:
        cache = self._cache
        async with self._database.read() as connection:
            cache[hashed] = key = await key_store.by_hash(connection, hashed)
        return key
