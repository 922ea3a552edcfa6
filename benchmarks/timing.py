"""How long something takes."""

from collections.abc import Awaitable
from time import perf_counter


async def seconds_of(work: Awaitable[object]) -> float:
    started = perf_counter()
    await work
    return perf_counter() - started
