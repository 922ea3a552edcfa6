"""Releases: quarantined messages are taken for people's after all, and count.

An event is dated as it was when its message came, so scores are those of a history without the quarantine. It counts as
received now, like an imported one: what was served in the meantime is still what looking back returns (law 7).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.metrics import Metrics
from app.services.ingest import Stored, store
from app.services.models import ActiveModels, retry_on_conflict
from app.services.suppressions import Suppressions
from app.storage import rejections as rejection_store
from app.storage.db import BadValue, Database
from app.storage.rejections import RejectionFilter

MAX_MESSAGES = 2_500
"""How many messages one call releases."""

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Release:
    """`released` counts the messages that count now. `skipped` match, but can't be released; `left` still can be."""

    released: int
    duplicates: int
    suppressed: int
    skipped: int
    left: int


class Releases:
    """Releases of one process."""

    def __init__(self, database: Database, models: ActiveModels, suppressions: Suppressions, metrics: Metrics) -> None:
        self._database = database
        self._models = models
        self._suppressions = suppressions
        self._metrics = metrics

    async def count(self, wanted: RejectionFilter) -> Release:
        """What a release would find."""
        async with self._database.read() as connection:
            found = await rejection_store.count(connection, wanted)
        return Release(0, 0, 0, skipped=found.all - found.releasable, left=found.releasable)

    async def release(self, wanted: RejectionFilter, now: datetime) -> Release:
        """Release the oldest that match, up to `MAX_MESSAGES`."""
        async with self._database.read() as connection:
            ids = await rejection_store.releasable(connection, wanted, MAX_MESSAGES)
        taken, stored = 0, Stored()
        for start in range(0, len(ids), CHUNK):
            count, more = await self._release(ids[start : start + CHUNK], now)
            taken, stored = taken + count, stored + more
        duplicates = len(stored.duplicates)
        released = taken - duplicates - stored.suppressed
        self._metrics.received(released, duplicates)
        return replace(await self.count(wanted), released=released, duplicates=duplicates, suppressed=stored.suppressed)

    async def _release(self, ids: Sequence[UUID], now: datetime) -> tuple[int, Stored]:
        """How many were taken off the list, and what was stored. What the database can't store remains on the list."""
        try:
            count, stored = await retry_on_conflict(
                self._database, lambda connection: self._take_and_store(connection, ids, now)
            )
        except BadValue:
            if len(ids) == 1:
                return 0, Stored()
            half = len(ids) // 2
            first, rest = await self._release(ids[:half], now), await self._release(ids[half:], now)
            return first[0] + rest[0], first[1] + rest[1]
        self._metrics.moved(stored.stage_changes)
        self._metrics.suppressed.inc(stored.suppressed)
        self._metrics.untrusted_traits.inc(stored.distrusted)
        return count, stored

    async def _take_and_store(
        self, connection: AsyncConnection, ids: Sequence[UUID], now: datetime
    ) -> tuple[int, Stored]:
        """In one transaction, so that a message is either on the list or in the log."""
        taken = await rejection_store.take(connection, ids)
        # Old ids would hide the events behind them from retention, which reads the log by id.
        events = [replace(event, id=uuid7()) for event in taken]
        self._suppressions.forget()  # another process may have added one since
        sifted = await self._suppressions.sift(connection, events, ())
        stored = await store(connection, self._models, sifted.events, now, sifted.newest)
        return len(events), stored + Stored(suppressed=len(events) - len(sifted.events))


__all__ = ["MAX_MESSAGES", "RejectionFilter", "Release", "Releases"]
