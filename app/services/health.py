"""The service's health: what needs an operator's attention, asked cheaply enough for every page to show it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from cachetools import TTLCache
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import SchemaOutdated, Unavailable
from app.services.gauges import overdue_s
from app.storage import deliveries as delivery_store
from app.storage import leads as lead_store
from app.storage import rollouts as rollout_store
from app.storage import webhooks as webhook_store
from app.storage.db import Database

CACHED_S = 5
MAX_COUNTED = 1_000
"""Dead deliveries are counted up to this number, so that an endpoint that is down for weeks doesn't slow pages down."""


@dataclass(frozen=True, slots=True)
class Health:
    """`is_writable`: whether this process's latest write to the database succeeded.

    `rollout`: the version that is being rolled out. `failing_webhooks` are those whose latest attempt failed.
    """

    unready_because: str | None
    is_writable: bool
    rollout: int | None
    oldest_due_s: float
    failing_webhooks: int
    dead_deliveries: int


class HealthCheck:
    """Reads the health of one process and its database, at most once in `CACHED_S` seconds."""

    def __init__(self, database: Database, check: Callable[[], Awaitable[None]], clock: Callable[[], datetime]) -> None:
        self._database = database
        self._check = check
        self._clock = clock
        self._cache: TTLCache[None, Health] = TTLCache(1, CACHED_S, lambda: clock().timestamp())

    async def read(self) -> Health:
        """Raises `Unavailable`."""
        health = self._cache.get(None)
        if health is None:
            health = self._cache[None] = await self._read()
        return health

    async def _read(self) -> Health:
        because = await unready_because(self._check)
        async with self._database.read() as connection:
            return Health(
                unready_because=because,
                is_writable=self._database.is_writable,
                rollout=await _rolled_out(connection),
                oldest_due_s=overdue_s(await lead_store.oldest_due(connection), self._clock()),
                failing_webhooks=await webhook_store.count_failing(connection),
                dead_deliveries=await delivery_store.count_dead(connection, MAX_COUNTED),
            )


async def unready_because(check: Callable[[], Awaitable[None]]) -> str | None:
    """Why requests can't be served now; None if they are."""
    try:
        await check()
    except (SchemaOutdated, Unavailable) as error:
        return error.detail
    return None


async def _rolled_out(connection: AsyncConnection) -> int | None:
    latest = await rollout_store.latest(connection)
    return None if latest is None or latest.finished_at else latest.version
