"""Work that comes round: each job is run, again and again, until the task that runs it is cancelled."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from app.errors import Unavailable

log = structlog.get_logger()


async def repeat(name: str, interval_s: float, job: Callable[[], Awaitable[None]]) -> None:
    """Run a job every so often. What goes wrong is logged, and tried again when its time comes."""
    while True:
        try:
            await job()
        except Unavailable:
            log.warning("job postponed: the database is unavailable", job=name)
        except Exception:
            log.exception("job failed", job=name)
        await asyncio.sleep(interval_s)
