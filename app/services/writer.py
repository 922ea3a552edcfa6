"""The writer: a queue of submissions, of which many share one commit.

A submission is answered when its transaction has been committed, and not before. Bad input that only the database
notices costs the message that carries it, not its neighbours.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from uuid import UUID

import structlog

from app.errors import Unavailable
from app.metrics import Metrics
from app.scoring.events import Event
from app.services.ingest import Stored, store
from app.services.models import ActiveModels
from app.storage import rejections as rejection_store
from app.storage.db import BadValue, Conflict, Database
from app.storage.rejections import Rejection

log = structlog.get_logger()

ATTEMPTS = 12
"""How often a transaction that lost a race is run again before the database counts as unavailable."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a submission. `refused` holds the ids of events that the database can't store."""

    accepted: int
    duplicates: int
    refused: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class _Submission:
    events: Sequence[Event]
    rejections: Sequence[Rejection]
    receipt: asyncio.Future[Receipt] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def size(self) -> int:
        return len(self.events) + len(self.rejections)


class Writer:
    """Takes submissions from many tasks and commits whatever waits, each time in one transaction.

    `lanes` is how many transactions may be under way at once: while the database works on one, the next is prepared.
    """

    def __init__(
        self,
        database: Database,
        models: ActiveModels,
        metrics: Metrics,
        clock: Callable[[], datetime],
        *,
        queue_messages: int = 20_000,
        commit_messages: int = 1_000,
        lanes: int = 1,
    ) -> None:
        self._database = database
        self._models = models
        self._metrics = metrics
        self._clock = clock
        self._queue_messages = queue_messages
        self._commit_messages = commit_messages
        self._lanes = lanes
        self._queue: deque[_Submission] = deque()
        self._waiting = 0
        self._work_available = asyncio.Event()
        self._closing = False

    async def submit(self, events: Sequence[Event], rejections: Sequence[Rejection] = ()) -> Receipt:
        """Wait until these events are committed. Raises `Unavailable`: then none, or not all, are; send them again."""
        submission = _Submission(events, rejections)
        if self._closing:
            msg = "The server is shutting down. Send the same request again."
            raise Unavailable(msg)
        if self._waiting + submission.size > self._queue_messages:
            msg = "Too many messages are waiting to be stored. Send the same request again a little later."
            raise Unavailable(msg, retry_after_s=2)
        self._queue.append(submission)
        self._waiting += submission.size
        self._metrics.queue_depth.set(self._waiting)
        self._work_available.set()
        return await submission.receipt

    async def run(self) -> None:
        """Commit submissions until the writer is closed and nothing waits any more.

        However it ends, nobody is left waiting, and who comes later is told.
        """
        try:
            await asyncio.gather(*(self._keep_committing() for _ in range(self._lanes)))
        finally:
            self._closing = True
            _fail(self._queue, _stopped())

    async def _keep_committing(self) -> None:
        while self._queue or not self._closing:
            if self._queue:
                await self._commit(self._take())
            else:
                self._work_available.clear()
                await self._work_available.wait()
                await asyncio.sleep(0)  # those that arrived together are read one after the other: all may come along

    def close(self) -> None:
        """Take nothing more; what waits is still committed."""
        self._closing = True
        self._work_available.set()

    def _take(self) -> list[_Submission]:
        taken = [self._queue.popleft()]
        size = taken[0].size
        while self._queue and size + self._queue[0].size <= self._commit_messages:
            taken.append(self._queue.popleft())
            size += taken[-1].size
        self._waiting -= size
        self._metrics.queue_depth.set(self._waiting)
        return taken

    async def _commit(self, taken: Sequence[_Submission]) -> None:
        started = perf_counter()
        events = [event for submission in taken for event in submission.events]
        rejections = [rejection for submission in taken for rejection in submission.rejections]
        try:
            store_all = self._attempt if len(taken) > 1 else self._store  # of many, the one at fault is found below
            stored = await store_all(events, rejections)
        except asyncio.CancelledError:
            _fail(taken, _stopped())
            raise
        except Unavailable as error:
            _fail(taken, error)
            return
        except Exception as error:
            if len(taken) > 1:
                await self._commit_by_bisection(taken)
            else:
                _fail(taken, error)
                log.exception("commit failed", messages=len(events))
            return
        self._metrics.committed(len(events), perf_counter() - started, stored.moves)
        self._metrics.untrusted_traits.inc(stored.distrusted)
        for submission in taken:
            if not submission.receipt.done():
                submission.receipt.set_result(_receipt(submission, stored))

    async def _commit_by_bisection(self, taken: Sequence[_Submission]) -> None:
        """Commit each half by itself: what fails for a fault of one submission fails that one alone.

        Whatever becomes of the others later, a submission that was committed is told so.
        """
        half = len(taken) // 2
        try:
            await self._commit(taken[:half])
        except asyncio.CancelledError:
            _fail(taken, _stopped())
            raise
        await self._commit(taken[half:])

    async def _store(self, events: Sequence[Event], rejections: Sequence[Rejection]) -> Stored:
        try:
            return await self._attempt(events, rejections)
        except BadValue:
            # One of the submission's can't be stored. Halving finds it, and the others go in.
            if len(events) + len(rejections) <= 1:
                return Stored(refused=frozenset(event.id for event in events))
            # Rounded in opposite ways, so that of one event and one rejection each half has one.
            half, rejected_half = (len(events) + 1) // 2, len(rejections) // 2
            first = await self._store(events[:half], rejections[:rejected_half])
            return first + await self._store(events[half:], rejections[rejected_half:])

    async def _attempt(self, events: Sequence[Event], rejections: Sequence[Rejection]) -> Stored:
        for attempt in range(ATTEMPTS):
            try:
                async with self._database.write() as connection:
                    await rejection_store.insert(connection, rejections)
                    return await store(connection, self._models, events, self._clock())
            except Conflict:
                self._metrics.conflicts.inc()
                await asyncio.sleep(random.uniform(0, 0.01 * attempt))  # noqa: S311 - to part two who collided
        msg = "Other writers kept coming first. Send the same request again."
        raise Unavailable(msg)


def _stopped() -> Unavailable:
    return Unavailable("The server has stopped storing. Send the same request again.")


def _receipt(submission: _Submission, stored: Stored) -> Receipt:
    ids = frozenset(event.id for event in submission.events)
    duplicates, refused = len(ids & stored.duplicates), ids & stored.refused
    return Receipt(len(ids) - duplicates - len(refused), duplicates, refused)


def _fail(taken: Iterable[_Submission], error: Exception) -> None:
    for submission in taken:
        if not submission.receipt.done():
            submission.receipt.set_exception(error)
