"""The rollout worker: re-evaluates leads by a published model, until none is left or the process stops."""

import asyncio

from app.services.evaluation import StageMoves
from app.services.rollouts import roll_out
from app.services.runtime import Runtime


async def run_rollout(runtime: Runtime, stopping: asyncio.Event) -> None:
    """One round. If the process stops, another can continue at once."""

    def on_chunk(_leads: int, moves: StageMoves) -> bool:
        runtime.metrics.moved(moves)
        return not stopping.is_set()

    chunk = runtime.settings.sweep_chunk
    await roll_out(
        runtime.database, runtime.models, runtime.id, runtime.clock, chunk, on_chunk, set_aside=runtime.set_aside
    )
