"""Leads that can't be evaluated: the work on many leads finds each one, sets it aside, and goes on with the others.

Something in such a lead, such as a damaged row, makes its whole transaction fail. So after a failure the chunks get
smaller, until the lead is alone in one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog

from app.errors import LeadscoreError
from app.metrics import Metrics
from app.storage.db import Conflict

MAX_IN_A_ROW = 10
"""How many leads may fail one after the other. If another one does, it is not the leads: the work fails."""

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
    except Exception as error:
        if not lead_ids:
            raise
        raise ChunkFailed(lead_ids) from error


class Chunks:
    """How many leads to take at once, at most `limit`: half as many after a failure, twice as many after a success."""

    def __init__(self, limit: int) -> None:
        self.size = self._limit = limit
        self._failed_in_a_row = 0

    def succeeded(self) -> None:
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
    """The leads that a process has set aside. Rollouts skip them until it restarts, maybe with a release that helps."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._by_version: dict[int, set[UUID]] = {}

    def of(self, version: int) -> frozenset[UUID]:
        """The leads that this version of the model can't evaluate."""
        return frozenset(self._by_version.get(version, ()))

    def add(self, version: int, lead_id: UUID, error: ChunkFailed) -> None:
        """Set a lead aside for rollouts of a version."""
        self._by_version.setdefault(version, set()).add(lead_id)
        self.report(lead_id, error)

    def report(self, lead_id: UUID, error: ChunkFailed) -> None:
        """Log and count a lead that can't be evaluated."""
        self._metrics.failed_evaluations.inc()
        log.error("lead can't be evaluated", lead=str(lead_id), exc_info=error.__cause__)
