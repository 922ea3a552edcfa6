"""Releases: quarantined messages are taken for people's after all, and count.

An event is dated as it was when its message came, so scores are those of a history without the quarantine. It counts as
received now, like an imported one: what was served in the meantime is still what looking back returns (law 7).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.errors import Unavailable
from app.metrics import Metrics
from app.services.ingest import Stored, store
from app.services.models import ActiveModels, retry_on_conflict
from app.services.suppressions import Suppressions
from app.storage import rejections as rejection_store
from app.storage.db import Database
from app.storage.rejections import RejectionFilter

log = structlog.get_logger()

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


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages that one call releases: the oldest that match and can be released, up to `MAX_MESSAGES`."""

    ids: Sequence[UUID]

    @property
    def digest(self) -> str:
        """Differs if any of the messages do."""
        return sha256(b"".join(each.bytes for each in self.ids)).hexdigest()


@dataclass(frozen=True, slots=True)
class _Done:
    """`taken`: how many messages were taken off the list. `failed`: how many could not be."""

    taken: int = 0
    failed: int = 0
    stored: Stored = field(default_factory=Stored)

    def __add__(self, other: "_Done") -> "_Done":
        return _Done(self.taken + other.taken, self.failed + other.failed, self.stored + other.stored)

    @property
    def released(self) -> int:
        return self.taken - len(self.stored.duplicates) - self.stored.suppressed


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

    async def releasable(self, ids: Collection[UUID]) -> set[UUID]:
        """Those of these that can be released."""
        found = await self._next(RejectionFilter(ids=ids), None, len(ids)) if ids else []
        return set(found)

    async def batch(self, wanted: RejectionFilter) -> Batch:
        """What a release would take."""
        return Batch(await self._next(wanted, None, MAX_MESSAGES))

    async def release_confirmed(self, wanted: RejectionFilter, digest: str, now: datetime) -> Release | None:
        """Release the batch with this digest. If other messages match by now, release nothing and return None."""
        batch, done = await self.batch(wanted), _Done()
        if batch.digest != digest:
            return None
        for start in range(0, len(batch.ids), CHUNK):
            done += await self._release(batch.ids[start : start + CHUNK], now)
        return await self._result(wanted, done)

    async def release(self, wanted: RejectionFilter, now: datetime) -> Release:
        """Release the oldest that match and can be released, up to `MAX_MESSAGES`."""
        done, ids = _Done(), await self._next(wanted, None, CHUNK)
        while ids:
            done += await self._release(ids, now)
            ids = await self._next(wanted, ids[-1], min(CHUNK, MAX_MESSAGES - done.taken))
        return await self._result(wanted, done)

    async def _result(self, wanted: RejectionFilter, done: _Done) -> Release:
        found = await self.count(wanted)
        return Release(
            released=done.released,
            duplicates=len(done.stored.duplicates),
            suppressed=done.stored.suppressed,
            skipped=found.skipped + done.failed,
            left=found.left - done.failed,
        )

    async def _next(self, wanted: RejectionFilter, after: UUID | None, limit: int) -> list[UUID]:
        async with self._database.read() as connection:
            return await rejection_store.releasable(connection, wanted, after, limit)

    async def _release(self, ids: Sequence[UUID], now: datetime) -> _Done:
        """Release all but those that can't be stored or whose lead can't be evaluated. These stay on the list."""
        try:
            done = await retry_on_conflict(
                self._database, lambda connection: self._take_and_store(connection, ids, now)
            )
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others are released
            if len(ids) == 1:
                why = type(error).__name__  # no traceback: there may be thousands, for the same reason
                log.warning("quarantined message can't be released", rejection_id=str(ids[0]), error=why)
                return _Done(failed=1)
            half = len(ids) // 2
            return await self._release(ids[:half], now) + await self._release(ids[half:], now)
        self._metrics.received(done.released, len(done.stored.duplicates))
        self._metrics.moved(done.stored.stage_changes)
        self._metrics.suppressed.inc(done.stored.suppressed)
        self._metrics.untrusted_traits.inc(done.stored.distrusted)
        return done

    async def _take_and_store(self, connection: AsyncConnection, ids: Sequence[UUID], now: datetime) -> _Done:
        """In one transaction, so that a message is either on the list or in the log."""
        taken = await rejection_store.take(connection, ids)
        # Old ids would hide the events behind them from retention, which reads the log by id.
        events = [replace(event, id=uuid7()) for event in taken]
        self._suppressions.forget()  # another process may have added one since
        sifted = await self._suppressions.sift(connection, events, ())
        stored = await store(connection, self._models, sifted.events, now, sifted.newest)
        suppressed = Stored(suppressed=len(events) - len(sifted.events))
        return _Done(taken=len(events), stored=stored + suppressed)
