"""Periodic jobs, and work in chunks, which run until the process stops.

A job is never cancelled: in a transaction, it could leave its connection holding SQLite's only lock.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from app.errors import Unavailable
from app.services.evaluation import StageMoves
from app.services.runtime import Runtime

log = structlog.get_logger()


def counting_moves(runtime: Runtime, stopping: asyncio.Event) -> Callable[[int, StageMoves], bool]:
    """For work in chunks: counts each one's changes of stage, and says whether to continue, until the process stops."""

    def on_chunk(_done: int, moves: StageMoves) -> bool:
        runtime.metrics.moved(moves)
        return not stopping.is_set()

    return on_chunk


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
