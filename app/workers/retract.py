"""The retraction worker: takes events back, or restores them, until no retraction is pending or the process stops."""

import asyncio

from app.services.retracting import work_off
from app.services.runtime import Runtime
from app.workers.schedule import counting_moves


async def run_retractions(runtime: Runtime, stopping: asyncio.Event) -> None:
    """One round. If the process stops, another can continue when the claim expires."""
    on_chunk = counting_moves(runtime, stopping)
    await work_off(runtime.database, runtime.models, runtime.id, runtime.clock, on_chunk, set_aside=runtime.set_aside)
