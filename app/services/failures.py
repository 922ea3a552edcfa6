"""Leads that can't be evaluated: the work on many leads finds each one, sets it aside, and goes on with the others.

Something in such a lead makes its whole transaction fail. A damaged row says whose it is. After any other failure the
chunks get smaller, until the lead is alone in one.
"""

from collections.abc import AsyncIterator, Hashable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import DamagedLead, DamagedModel, LeadscoreError
from app.metrics import Metrics
from app.services.conflicts import Conflicts
from app.storage import identities as identity_store
from app.storage.db import Conflict
from app.storage.events import UnreadableEvent
from app.storage.leads import UnreadableLead
from app.storage.queries import UnreadableRow

MAX_IN_A_ROW = 10
"""How many leads may fail one after the other. If another one does, it is not the leads: the work fails."""

MESSAGE = "lead can't be evaluated"

Item = TypeVar("Item")

log = structlog.get_logger()


class ChunkFailed(Exception):
    """The evaluation of these leads failed; `__cause__` says why."""

    def __init__(self, lead_ids: list[UUID]) -> None:
        super().__init__(f"{len(lead_ids)} leads")
        self.lead_ids = lead_ids


@contextmanager
def naming_leads() -> Iterator[list[UUID]]:
    """Wrap this around a transaction that adds the ids of its leads to the list.

    Raises `ChunkFailed` for an error that may be due to one of them. An outage or a conflict is not.
    """
    lead_ids: list[UUID] = []
    try:
        yield lead_ids
    except (LeadscoreError, Conflict):
        raise
    except UnreadableLead as error:
        raise ChunkFailed([error.lead_id]) from error
    except Exception as error:
        if not lead_ids:
            raise
        raise ChunkFailed(lead_ids) from error


@contextmanager
def explaining_damage(lead_id: UUID | None = None) -> Iterator[None]:
    """Wrap this around what a client asks for. Raises `DamagedLead` for a row that can't be read.

    With `lead_id`, all that is done is to evaluate this lead: then any error is due to it.
    """
    try:
        yield
    except (LeadscoreError, Conflict):
        raise
    except UnreadableLead as error:
        log_damage(error.lead_id, error)
        raise explained(error) from error
    except Exception as error:
        if lead_id is None:
            raise
        log_damage(lead_id, error)
        raise DamagedLead(lead_id) from error


@asynccontextmanager
async def naming_owner(connection: AsyncConnection) -> AsyncIterator[None]:
    """Wrap this around reading events. Raises `UnreadableLead` for one that can't be read."""
    try:
        yield
    except UnreadableEvent as error:
        owners = await identity_store.find(connection, [error.identity])
        if error.identity not in owners:
            raise
        raise unreadable(owners[error.identity], error) from error


def unreadable(lead_id: UUID, cause: UnreadableEvent | DamagedModel) -> UnreadableLead:
    """The error for a lead that needs an event, or a version of the model, that can't be read."""
    damage = UnreadableLead(lead_id)
    damage.__cause__ = cause
    return damage


def raised(found: Item | UnreadableRow) -> Item:
    """What could be read. Raises the error if it couldn't."""
    if isinstance(found, UnreadableRow):
        raise found
    return found


def explained(error: UnreadableLead) -> DamagedLead:
    """The error that clients get for it."""
    cause = error.__cause__
    return DamagedLead(
        error.lead_id,
        version=cause.version if isinstance(cause, DamagedModel) else None,
        event_id=cause.row_id if isinstance(cause, UnreadableEvent) else None,
    )


def readable(found: Iterable[Item | UnreadableRow]) -> list[Item]:
    """What could be read. The rest is logged."""
    items = []
    for each in found:
        if isinstance(each, UnreadableLead):
            log_damage(each.lead_id, each)
        elif isinstance(each, UnreadableRow):
            log.error("row can't be read", table=each.table, row=str(each.row_id), exc_info=each)
        else:
            items.append(each)
    return items


def log_damage(lead_id: UUID, error: BaseException | None) -> None:
    log.error(MESSAGE, lead=str(lead_id), exc_info=error)


class Chunks:
    """How many leads to take at once, at most `limit`: half as many after a failure, twice as many after a success."""

    def __init__(self, limit: int) -> None:
        self.size = self._limit = limit
        self._failed_in_a_row = 0
        self._conflicts = Conflicts()

    def recover(self, error: Conflict | ChunkFailed, set_aside: "SetAside", work: Hashable) -> None:
        """Get ready to try again after an error, without the lead that fails if it was alone.

        Raises `Unavailable` if the same leads conflict every time, or the error if too many have failed in a row.
        """
        if isinstance(error, Conflict):
            self._conflicts.add(error)
        elif lead_id := self.failed(error):
            set_aside.add(work, lead_id, error)

    def succeeded(self) -> None:
        self._conflicts.clear()
        self.size = min(self.size * 2, self._limit)
        self._failed_in_a_row = 0

    def failed(self, error: ChunkFailed) -> UUID | None:
        """The lead that fails, if it was alone. Raises the error again if too many leads have failed in a row."""
        self.size = max(len(error.lead_ids) // 2, 1)
        if len(error.lead_ids) > 1:
            return None
        self._failed_in_a_row += 1
        if self._failed_in_a_row > MAX_IN_A_ROW:
            raise error
        return error.lead_ids[0]


class SetAside:
    """The leads that a process has set aside. Work skips them until it restarts, maybe with a release that helps.

    Each piece of work has its own: the rollout of a version, a retraction, the deletion of old events.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._by_work: dict[Hashable, set[UUID]] = {}
        self._left_over: set[Hashable] = set()

    def of(self, work: Hashable) -> frozenset[UUID]:
        """The leads that can't be evaluated for this work."""
        return frozenset(self._by_work.get(work, ()))

    def add(self, work: Hashable, lead_id: UUID, error: ChunkFailed) -> None:
        """Set a lead aside."""
        self._by_work.setdefault(work, set()).add(lead_id)
        self.report(lead_id, error)

    def leave(self, work: Hashable) -> None:
        """Note that all the rest of this work is done, so that it isn't looked for again."""
        self._left_over.add(work)

    def is_left(self, work: Hashable) -> bool:
        """Whether only leads that were set aside are left of this work."""
        return work in self._left_over

    def report(self, lead_id: UUID, error: ChunkFailed) -> None:
        """Log and count a lead that can't be evaluated."""
        self._metrics.failed_evaluations.inc()
        log_damage(lead_id, error.__cause__)
