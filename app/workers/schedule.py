"""Periodic jobs, which run until the process stops.

A job is never cancelled: in a transaction, it could leave its connection holding SQLite's only lock.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from app.errors import Unavailable

log = structlog.get_logger()


async def repeat(name: str, interval_s: float, job: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Run a job, with `interval_s` seconds after each run. Errors are logged, and the job runs again next time."""
    while not stopping.is_set():
        try:
            await job()
        except Unavailable as error:
            log.debug("job postponed", job=name, reason=error.reason or error.detail)  # an outage is logged already
        except Exception:
            log.exception("job failed", job=name)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), interval_s)
