"""Messages that keep arriving while something else is measured, and how long each commit takes them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from statistics import quantiles
from time import perf_counter

from app.scoring.events import Event
from app.storage.db import Database
from app.storage.migrations import migrate
from tests.services.harness import Service, event, serving, small_model

BATCH = 20
PAUSE_S = 0.05
NAMES = ("Page Viewed", "Feature Used", "Demo Requested")


@dataclass
class Arrivals:
    """The seconds that each batch waited."""

    waits: list[float] = field(default_factory=list)

    @property
    def p95_ms(self) -> float:
        return quantiles(self.waits, n=20, method="inclusive")[-1] * 1_000

    def beside(self, before: "Arrivals") -> str:
        """A line that compares them with what arrived undisturbed."""
        longest_ms = max(self.waits) * 1_000
        return (
            f"ingestion: p95 {before.p95_ms:.0f} ms alone, {self.p95_ms:.0f} ms beside it, at most {longest_ms:.0f} ms"
        )


@asynccontextmanager
async def new_service(url: str) -> AsyncIterator[Service]:
    """A service on an empty database, with the tests' small model."""
    database = Database(url)
    await migrate(database)
    await database.close()
    async with serving(url, small_model()) as service:
        yield service


def some(random: Random, people: int) -> list[Event]:
    return [event(f"u{random.randrange(people)}", name=random.choice(NAMES)) for _ in range(BATCH)]


@asynccontextmanager
async def arriving(service: Service, people: int) -> AsyncIterator[Arrivals]:
    """Known people's messages, 400 a second at most, until the block ends."""
    arrivals, random, stopping = Arrivals(), Random(1), asyncio.Event()

    async def send() -> None:
        while not stopping.is_set():
            started = perf_counter()
            await service.ingest(*some(random, people))
            arrivals.waits.append(perf_counter() - started)
            await asyncio.sleep(PAUSE_S)

    task = asyncio.create_task(send())
    try:
        yield arrivals
    finally:
        stopping.set()
        await task


async def undisturbed(service: Service, people: int, seconds: float = 15) -> Arrivals:
    """The same with nothing beside it."""
    async with arriving(service, people) as arrivals:
        await asyncio.sleep(seconds)
    return arrivals
