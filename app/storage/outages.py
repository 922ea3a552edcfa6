"""Outages in the log: one line when the database goes, one when it is back, whatever requests and jobs run into it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import structlog
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.errors import Unavailable

log = structlog.get_logger()

Access = Literal["read", "write"]


class OutageLog:
    """Follows the transactions of one process.

    Reads and writes are told apart: with a read-only server or a full disk, a successful read doesn't end the outage.
    """

    def __init__(self) -> None:
        self._reached = False  # until then nothing is logged: whoever opens the database reports that it is not there
        self._failing: set[Access] = set()

    @contextmanager
    def watch(self, access: Access) -> Iterator[None]:
        """Around a transaction."""
        try:
            yield
        except Unavailable as error:
            if not isinstance(
                error.__cause__, PoolTimeoutError
            ):  # that one means that we are busy, not that it is gone
                self._failed(access, error.reason)
            raise
        self._succeeded(access)

    def _failed(self, access: Access, reason: str | None) -> None:
        if not self._reached:
            return
        if not self._failing:
            log.warning("the database is unavailable", reason=reason)
        self._failing.add(access)

    def _succeeded(self, access: Access) -> None:
        self._reached = True
        if access in self._failing:
            self._failing.remove(access)
            if not self._failing:
                log.warning("the database is available again")
