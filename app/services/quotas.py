"""Quotas: how much a key, and an address that uses a public key, may send within a while.

A single process counts in memory; replicas share their counts in Redis. While Redis can't be reached, each process
counts alone: quotas must not make an outage of Redis one of ingestion.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError

from app.errors import QuotaExceeded
from app.services.keys import Key

TIMEOUT_S = 0.5
"""How long a request waits for Redis."""

RETRY_S = 5
"""How long Redis is left alone after a failure."""

EXPIRY_INTERVAL_S = 30
"""How often counts in memory are looked through for expired ones."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Charge:
    """`who` uses this much of the quota called `name`."""

    name: str
    quota: RateLimitItem
    who: str
    cost: int


class Quotas:
    """The quotas of one process. `per_key` and `per_address` are written like `600/minute`; None is no quota."""

    def __init__(
        self,
        per_key: str | None,
        per_address: str | None,
        redis_url: str | None = None,
        clock_s: Callable[[], float] = monotonic,
    ) -> None:
        self._per_key = parse(per_key) if per_key else None
        self._per_address = parse(per_address) if per_address else None
        self._memory = MemoryStorage()
        self._pause: asyncio.Task[None] | None = None
        self._own = SlidingWindowCounterRateLimiter(self._memory)
        self._redis = _redis_storage(redis_url) if redis_url else None
        self._shared = SlidingWindowCounterRateLimiter(self._redis) if self._redis else None
        self._clock_s = clock_s
        self._alone_until_s = 0.0

    async def charge(self, key: Key, address: str | None, cost: int, now_s: float) -> None:
        """Count a request that costs as much as the messages that it brings.

        `address`: the client's, None if it is not known. `now_s`: seconds since 1970. Raises `QuotaExceeded`.
        """
        if self._per_address is not None and key.kind == "write" and address is not None:
            await self._charge(_Charge("address", self._per_address, address, cost), now_s)
        if self._per_key is not None:
            await self._charge(_Charge("key", self._per_key, str(key.id), cost), now_s)

    async def close(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        if self._redis is not None:
            await self._redis.bridge.storage.aclose()  # type: ignore[attr-defined]  # redis-py's client

    async def _charge(self, charge: _Charge, now_s: float) -> None:
        if self._shared is not None and self._clock_s() >= self._alone_until_s:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await _hit(self._shared, charge, now_s)
            except (StorageError, TimeoutError) as error:
                self._alone_until_s = self._clock_s() + RETRY_S
                log.warning("quotas are not shared", reason=str(error) or "Redis did not answer in time")
            else:
                return
        self._pause_expiry()
        await _hit(self._own, charge, now_s)

    def _pause_expiry(self) -> None:
        """Keep the storage from looking through all of its counts with every request.

        It does so unless its timer is still running, so that a pause in place of the timer puts it off.
        """
        timer = self._memory.timer
        if timer is None or (timer.done() and timer is not self._pause):
            self._memory.timer = self._pause = asyncio.create_task(asyncio.sleep(EXPIRY_INTERVAL_S))


def _redis_storage(url: str) -> RedisStorage:
    return RedisStorage(f"async+{url}", wrap_exceptions=True, implementation="redispy", key_prefix="leadscore")


async def _hit(limiter: SlidingWindowCounterRateLimiter, charge: _Charge, now_s: float) -> None:
    """Raises `QuotaExceeded`. A request that costs more than the whole quota takes all of it: it could never pass."""
    quota, who, window_s = charge.quota, charge.who, charge.quota.get_expiry()
    if await limiter.hit(quota, charge.name, who, cost=min(charge.cost, quota.amount)):
        return
    resets_at_s, left = await limiter.get_window_stats(quota, charge.name, who)
    raise QuotaExceeded(charge.name, quota.amount, window_s, left=left, reset_s=resets_at_s - now_s)
