"""The sweeper: visits the leads whose next check has come, and those that a new model has not reached yet."""

import asyncio
from contextlib import suppress

from app.services.runtime import Runtime
from app.services.sweep import Moves, roll_out, sweep_due


class Stopped(Exception):
    """The process stops, and what is left of a round is for the next one."""


async def sweep(runtime: Runtime, stopping: asyncio.Event) -> None:
    """One round: until nothing is due any more, or, at a stop, to the end of the transaction under way."""
    chunk = runtime.settings.sweep_chunk
    visited = 1
    while visited and not stopping.is_set():
        visited, moves = await sweep_due(runtime.database, runtime.models, runtime.clock(), chunk)
        runtime.metrics.moved(moves)

    def progress(_leads: int, moves: Moves) -> None:
        runtime.metrics.moved(moves)
        if stopping.is_set():
            raise Stopped

    with suppress(Stopped):
        await roll_out(runtime.database, runtime.models, runtime.clock, chunk, progress)
