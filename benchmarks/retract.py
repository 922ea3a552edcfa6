"""Taking back the events of one source, 1 in 20, while others arrive: how fast, and what ingestion notices.

Afterwards all leads have to equal a rebuild.
"""

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from time import perf_counter

import uvloop

from app.scoring.engine import compile_model
from app.services.retracting import work_off
from app.services.retractions import EventFilter, Retractions
from benchmarks.arrivals import NAMES, Arrivals, arriving, new_service, undisturbed
from tests.databases import DURABLE, embedded_postgres
from tests.services.harness import NOW, Service, event, small_model
from tests.services.rebuild import event_log, rebuilt, stored

EVENTS, PEOPLE, EVERY = 200_000, 20_000, 20
BATCH = 2_000


async def fill(service: Service) -> None:
    random = Random(0)
    for start in range(0, EVENTS, BATCH):
        await service.ingest(
            *(
                event(
                    f"u{random.randrange(PEOPLE)}",
                    name=random.choice(NAMES),
                    at=NOW - timedelta(minutes=random.randrange(100_000)),
                    source="bot" if number % EVERY == 0 else "website",
                )
                for number in range(start, start + BATCH)
            )
        )


async def take_back(service: Service) -> tuple[float, Arrivals]:
    """The seconds that it took, and what arrived meanwhile."""
    service.clock.now += timedelta(days=1)
    retractions = Retractions(service.database, service.models, service.clock)
    await retractions.create(EventFilter(source="bot"), "a bot", "benchmark")
    async with arriving(service, PEOPLE) as arrivals:
        started = perf_counter()
        await work_off(service.database, service.models, service.id, service.clock, lambda *_: True)
        return perf_counter() - started, arrivals


async def equal_a_rebuild(service: Service) -> tuple[int, int]:
    """How many leads there are, and how many of them equal what the log gives without the retracted events."""
    log, state = await event_log(service.database), await stored(service.database)
    model, without = compile_model(small_model(), 1), {each.id for each in log if each.source == "bot"}
    again = rebuilt(log, lambda person: (model, state[person]["updated_at"]), without=without)
    return len(state.keys() | again.keys()), sum(state[person] == row for person, row in again.items())


@dataclass(frozen=True, slots=True)
class Retracting:
    """The seconds that it took, what arrived before and meanwhile, and how many leads equal a rebuild afterwards."""

    seconds: float
    before: Arrivals
    during: Arrivals
    leads: int
    equal: int
    rebuild_seconds: float

    def __str__(self) -> str:
        return (
            f"{EVENTS // EVERY:,} of {EVENTS:,} events taken back in {self.seconds:.1f} s\n"
            f"{self.during.beside(self.before)}\n"
            f"{self.equal:,} of {self.leads:,} leads equal a rebuild, which took {self.rebuild_seconds:.1f} s"
        )


async def _measure(url: str) -> Retracting:
    async with new_service(url) as service:
        await fill(service)
        before = await undisturbed(service, PEOPLE)
        seconds, during = await take_back(service)
        started = perf_counter()
        leads, equal = await equal_a_rebuild(service)
        return Retracting(seconds, before, during, leads, equal, perf_counter() - started)


def measure() -> Retracting:
    with embedded_postgres(DURABLE) as url:
        return uvloop.run(_measure(url))
