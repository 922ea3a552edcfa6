"""Deleting anonymous visitors whose time is up, while messages arrive: rows a second, and what ingestion notices.

A few visitors come in the ordinary way; their rows are then multiplied in the database.
"""

from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter

import uvloop
from sqlalchemy import text

from app.services.retention import delete_anonymous_leads
from app.storage.tables import events, identities, leads
from benchmarks.arrivals import Arrivals, arriving, new_service, undisturbed
from tests.databases import DURABLE, embedded_postgres
from tests.services.harness import NOW, Service, event

SEED, COPIES = 1_000, 50
PAGES = 2
ROWS_EACH = 2 + PAGES
PEOPLE = 1_000
COPIED = {
    leads: {"id": "md5(id::text || n)::uuid"},
    identities: {"identity": "identity || '-' || n", "lead_id": "md5(lead_id::text || n)::uuid"},
    events: {
        "id": "md5(id::text || n)::uuid",
        "message_id": "message_id || n",
        "identity": "identity || '-' || n",
        "identities": "json_build_array(identity || '-' || n)",
    },
}
"""The columns that differ in copy `n` of a row."""


async def fill(service: Service) -> None:
    """Visitors who looked at two pages each, and known people, whose messages arrive later."""
    visits = [event(f"a{number}", name="Page Viewed") for number in range(SEED) for _ in range(PAGES)]
    await service.ingest(*visits)
    async with service.database.write() as connection:
        for table, changed in COPIED.items():
            names = [column.name for column in table.c]
            values = ", ".join(changed.get(name, f'"{name}"') for name in names)
            columns = ", ".join(f'"{name}"' for name in names)
            copied = f"SELECT {values} FROM {table.name}, generate_series(1, {COPIES - 1}) AS n"  # noqa: S608
            await connection.execute(text(f"INSERT INTO {table.name} ({columns}) {copied}"))
    async with service.database.engine.connect() as connection:
        await connection.execute(text("ANALYZE"))


@dataclass(frozen=True, slots=True)
class Pruning:
    """How many visitors were deleted, the seconds that it took, and what arrived before and meanwhile."""

    deleted: int
    seconds: float
    before: Arrivals
    during: Arrivals

    def __str__(self) -> str:
        rows = self.deleted * ROWS_EACH
        return (
            f"{self.deleted:,} visitors ({rows:,} rows) deleted in {self.seconds:.1f} s: "
            f"{rows / self.seconds:,.0f} rows a second\n{self.during.beside(self.before)}"
        )


async def prune(service: Service) -> Pruning:
    deleted = 0

    def on_chunk(count: int) -> bool:
        nonlocal deleted
        deleted += count
        return True

    before = await undisturbed(service, PEOPLE)
    service.clock.now = NOW + timedelta(days=100)
    async with arriving(service, PEOPLE) as arrivals:
        started = perf_counter()
        last_seen_before = (NOW + timedelta(days=1)).date()
        await delete_anonymous_leads(service.database, last_seen_before, service.clock.now, on_chunk)
        return Pruning(deleted, perf_counter() - started, before, arrivals)


async def _measure(url: str) -> Pruning:
    async with new_service(url) as service:
        await fill(service)
        return await prune(service)


def measure() -> Pruning:
    with embedded_postgres(DURABLE) as url:
        return uvloop.run(_measure(url))
