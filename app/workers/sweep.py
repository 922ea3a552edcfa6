"""The sweeper: re-evaluates leads whose next check is due."""

import asyncio

from app.services.failures import ChunkFailed, Chunks
from app.services.runtime import Runtime
from app.services.sweep import postpone, sweep_due


async def sweep(runtime: Runtime, stopping: asyncio.Event) -> None:
    """One round: until nothing is due, or until the current transaction ends if the process stops."""
    chunks, visited = Chunks(runtime.settings.sweep_chunk), 1
    while visited and not stopping.is_set():
        now = runtime.clock()
        try:
            visited, moves = await sweep_due(runtime.database, runtime.models, now, chunks.size)
        except ChunkFailed as error:
            if lead_id := chunks.failed(error):
                await postpone(runtime.database, lead_id, now)
                runtime.set_aside.report(lead_id, error)
        else:
            chunks.succeeded()
            runtime.metrics.moved(moves)
