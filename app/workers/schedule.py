"""Work that comes round: each job is run, again and again, until the process stops.

A job is never cancelled: one that was in a transaction could leave its connection with SQLite's only lock.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from app.errors import Unavailable

log = structlog.get_logger()


async def repeat(name: str, interval_s: float, job: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Run a job every so often. What goes wrong is logged, and tried again when its time comes."""
    while not stopping.is_set():
        try:
            await job()
        except Unavailable as error:
            log.debug("job postponed", job=name, reason=error.reason or error.detail)  # an outage is logged already
        except Exception:
            log.exception("job failed", job=name)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), interval_s)
