"""Logging outages: one line when the database fails and one when it is back, however many requests and jobs fail."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import structlog
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.errors import Unavailable

log = structlog.get_logger()

Access = Literal["read", "write"]


class OutageLog:
    """Watches the transactions of one process.

    Reads and writes are separate: with a read-only server or a full disk, a successful read doesn't end the outage.
    """

    def __init__(self) -> None:
        self._reached = False  # nothing is logged before: the code that opens the database reports failures
        self._failing: set[Access] = set()

    @property
    def is_writable(self) -> bool:
        return "write" not in self._failing

    @contextmanager
    def watch(self, access: Access) -> Iterator[None]:
        """Wrap this around a transaction."""
        try:
            yield
        except Unavailable as error:
            if not isinstance(error.__cause__, PoolTimeoutError):  # which means that we are busy
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
