"""The sweeper: re-evaluates leads whose next check is due."""

import asyncio

from app.services.runtime import Runtime
from app.services.sweep import sweep_due


async def sweep(runtime: Runtime, stopping: asyncio.Event) -> None:
    """One round: until nothing is due, or until the current transaction ends if the process stops."""
    visited = 1
    while visited and not stopping.is_set():
        now, chunk = runtime.clock(), runtime.settings.sweep_chunk
        visited, moves = await sweep_due(runtime.database, runtime.models, now, chunk)
        runtime.metrics.moved(moves)
