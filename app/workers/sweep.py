"""The sweeper: visits the leads whose next check has come, and those that a new model has not reached yet."""

from app.services.runtime import Runtime
from app.services.sweep import Moves, roll_out, sweep_due


async def sweep(runtime: Runtime) -> None:
    """One round: until nothing is due any more."""
    chunk = runtime.settings.sweep_chunk
    visited = chunk
    while visited == chunk:
        visited, moves = await sweep_due(runtime.database, runtime.models, runtime.clock(), chunk)
        runtime.metrics.moved(moves)

    def progress(_leads: int, moves: Moves) -> None:
        runtime.metrics.moved(moves)

    await roll_out(runtime.database, runtime.models, runtime.clock, chunk, progress)
