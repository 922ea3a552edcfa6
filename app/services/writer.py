"""The writer: a queue of submissions that are committed in groups.

A submission is answered only after its transaction has been committed. A value that the database rejects, or a lead
that can't be evaluated, costs only the messages concerned; the other messages in the commit are stored.
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
from app.services.suppressions import Suppressions
from app.storage import rejections as rejection_store
from app.storage.db import BadValue, Conflict, Database
from app.storage.rejections import Rejection

log = structlog.get_logger()

GATHERING_MS = 10
"""The longest that a commit waits for the senders that were just answered."""

ATTEMPTS = 12
"""How many times a transaction is tried in the face of conflicts before it fails as `Unavailable`."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of a submission. `refused`: the ids of events that the database can't store."""

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
    """Takes submissions from many tasks and commits all that are queued in one transaction, one after another."""

    def __init__(
        self,
        database: Database,
        models: ActiveModels,
        metrics: Metrics,
        clock: Callable[[], datetime],
        suppressions: Suppressions | None = None,
        *,
        queue_messages: int = 20_000,
        commit_messages: int = 1_000,
    ) -> None:
        self._database = database
        self._models = models
        self._metrics = metrics
        self._clock = clock
        self._suppressions = suppressions or Suppressions(database, None)
        self._queue_messages = queue_messages
        self._commit_messages = commit_messages
        self._queue: deque[_Submission] = deque()
        self._waiting = 0
        self._work_available = asyncio.Event()
        self._expected = 1
        self._closing = False

    @property
    def waiting(self) -> int:
        """How many messages wait to be committed."""
        return self._waiting

    async def submit(self, events: Sequence[Event], rejections: Sequence[Rejection] = ()) -> Receipt:
        """Store events and return once they are committed.

        Raises `Unavailable` if some or all were not stored; sending them again is safe.
        """
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
        """Commit submissions until the writer is closed and the queue is empty.

        However this ends, all waiting submissions get a result or an error, and later ones are refused.
        """
        try:
            await self._keep_committing()
        finally:
            self._closing = True
            _fail(self._queue, _stopped())

    async def _keep_committing(self) -> None:
        while self._queue or not self._closing:
            if self._queue:
                await self._gather()
                taken = self._take()
                await self._commit(taken)
                self._expected = len(taken) + len(self._queue)
            else:
                self._work_available.clear()
                await self._work_available.wait()
                await asyncio.sleep(0)  # requests that arrived together submit one by one: let all of them join

    async def _gather(self) -> None:
        """Wait a little for those who were just answered, as long as some come: most send again at once.

        The larger a commit is, the less each message costs. A sender who is alone never waits.
        """
        for _ in range(GATHERING_MS):
            waiting = len(self._queue)
            if waiting >= self._expected or self._waiting >= self._commit_messages or self._closing:
                return
            await asyncio.sleep(0.001)
            if len(self._queue) == waiting:
                return

    def close(self) -> None:
        """Refuse new submissions. Those in the queue are still committed."""
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
            # Several submissions are bisected below, to find the one that fails.
            store_all = self._attempt if len(taken) > 1 else self._store
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
        self._metrics.committed(len(events), perf_counter() - started, stored.stage_changes)
        self._metrics.untrusted_traits.inc(stored.distrusted)
        self._metrics.suppressed.inc(stored.suppressed)
        for submission in taken:
            if not submission.receipt.done():
                submission.receipt.set_result(_receipt(submission, stored))

    async def _commit_by_bisection(self, taken: Sequence[_Submission]) -> None:
        """Commit each half separately, down to single submissions, so that only the failing one fails.

        Each submission gets its receipt as soon as it is committed, whatever happens to the others.
        """
        half = len(taken) // 2
        try:
            await self._commit(taken[:half])
        except asyncio.CancelledError:
            _fail(taken, _stopped())
            raise
        await self._commit(taken[half:])

    async def _store(self, events: Sequence[Event], rejections: Sequence[Rejection]) -> Stored:
        """Store all but what can't be stored. An error other than `BadValue` is raised once the others are stored."""
        try:
            return await self._attempt(events, rejections)
        except Unavailable:
            raise
        except Exception as error:
            if len(events) + len(rejections) > 1:
                return await self._store_by_halves(events, rejections)
            if not isinstance(error, BadValue):
                raise
            return Stored(refused=frozenset(event.id for event in events))

    async def _store_by_halves(self, events: Sequence[Event], rejections: Sequence[Rejection]) -> Stored:
        # Rounded in opposite directions, so that one event and one rejection end up in separate halves.
        half, rejected_half = (len(events) + 1) // 2, len(rejections) // 2
        try:
            first = await self._store(events[:half], rejections[:rejected_half])
        except Unavailable:
            raise
        except Exception:
            await self._store(events[half:], rejections[rejected_half:])
            raise
        return first + await self._store(events[half:], rejections[rejected_half:])

    async def _attempt(self, events: Sequence[Event], rejections: Sequence[Rejection]) -> Stored:
        for attempt in range(ATTEMPTS):
            try:
                async with self._database.write(routine=True) as connection:
                    sifted = await self._suppressions.sift(connection, events, rejections)
                    await rejection_store.insert(connection, sifted.rejections)
                    stored = await store(connection, self._models, sifted.events, self._clock(), sifted.newest)
                return stored + Stored(suppressed=len(events) - len(sifted.events))
            except Conflict:
                self._suppressions.forget()
                self._metrics.conflicts.inc()
                await asyncio.sleep(random.uniform(0, 0.01 * attempt))  # noqa: S311 - so that they do not collide again
        msg = "The transaction kept conflicting with other writers. Send the same request again."
        raise Unavailable(msg)


def _stopped() -> Unavailable:
    return Unavailable("The server has stopped storing messages. Send the same request again.")


def _receipt(submission: _Submission, stored: Stored) -> Receipt:
    ids = frozenset(event.id for event in submission.events)
    duplicates, refused = len(ids & stored.duplicates), ids & stored.refused
    return Receipt(len(ids) - duplicates - len(refused), duplicates, refused)


def _fail(taken: Iterable[_Submission], error: Exception) -> None:
    for submission in taken:
        if not submission.receipt.done():
            submission.receipt.set_exception(error)
