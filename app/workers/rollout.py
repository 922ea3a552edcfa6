"""The rollout worker: re-evaluates leads by a published model, until none is left or the process stops."""

import asyncio

from app.services.rollouts import roll_out
from app.services.runtime import Runtime
from app.workers.schedule import counting_moves


async def run_rollout(runtime: Runtime, stopping: asyncio.Event) -> None:
    """One round. If the process stops, another can continue at once."""
    chunk, on_chunk = runtime.settings.sweep_chunk, counting_moves(runtime, stopping)
    await roll_out(
        runtime.database, runtime.models, runtime.id, runtime.clock, chunk, on_chunk, set_aside=runtime.set_aside
    )
