"""The retraction worker: takes events back, or restores them, until no retraction is pending or the process stops."""

import asyncio

from app.services.evaluation import StageMoves
from app.services.retracting import work_off
from app.services.runtime import Runtime


async def run_retractions(runtime: Runtime, stopping: asyncio.Event) -> None:
    """One round. If the process stops, another can continue when the claim expires."""

    def on_chunk(_events: int, moves: StageMoves) -> bool:
        runtime.metrics.moved(moves)
        return not stopping.is_set()

    await work_off(runtime.database, runtime.models, runtime.id, runtime.clock, on_chunk, set_aside=runtime.set_aside)
