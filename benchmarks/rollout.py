"""Rolling out a model, against only reading the same rows: leads if points change, events if a signal changes.

Both work in chunks of the same size on the same PostgreSQL, and are measured alternately. LEADSCORE_TEST_LEADS sets how
many leads there are.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import UUID

import uvloop
from sqlalchemy import select
from uuid_utils.compat import uuid7

from app.cli.garbage import collect_garbage_rarely
from app.clock import utc_now
from app.scoring.document import ScoringModel
from app.scoring.model import dump_model, load_model
from app.services.models import ActiveModels, starter
from app.services.publishing import activate
from app.services.rollouts import roll_out
from app.storage.db import Database
from app.storage.migrations import migrate
from app.storage.tables import events, identities, leads
from benchmarks.figures import Comparison, Figure
from benchmarks.people import EVENTS_EACH, LEADS, NAMES, everybodys_events, fill
from benchmarks.timing import seconds_of
from tests.databases import DURABLE, embedded_postgres

CHUNK = 500
ROUNDS = 3


def points_changed(number: int) -> ScoringModel:
    """The starter with the same signals and different points."""
    document = dump_model(starter())
    for rule in document["scores"]["engagement"]["rules"].values():
        rule["points"] += number % 2 + 1
    return load_model(document | {"name": f"points {number}", "examples": []})


def signal_changed(number: int) -> ScoringModel:
    """The starter with a signal that counts every event and whose definition depends on `number`."""
    document = dump_model(starter())
    signals: dict[str, Any] = document["signals"]
    signals["anything"] = {"on": [*NAMES, f"Other {number}"]}
    document["scores"]["engagement"]["rules"]["anything"] = {"signal": "anything", "points": 1, "max_points": 5}
    return load_model(document | {"name": f"signal {number}", "examples": []})


@dataclass(frozen=True, slots=True)
class Bench:
    database: Database
    models: ActiveModels

    async def roll_out(self, model: ScoringModel) -> None:
        await activate(self.database, model, utc_now)
        await roll_out(self.database, self.models, uuid7(), utc_now, CHUNK, lambda *_: True)

    async def read_leads(self) -> None:
        async for _ in self._chunks():
            pass

    async def read_events(self) -> None:
        async for ids in self._chunks(leads.c.id):
            query = select(events).join(identities, identities.c.identity == events.c.identity)
            async with self.database.read() as connection:
                (await connection.execute(query.where(identities.c.lead_id.in_(ids)))).all()

    async def _chunks(self, *columns: Any) -> AsyncIterator[list[UUID]]:
        last = UUID(int=0)
        while True:
            query = select(*(columns or leads.c)).where(leads.c.id > last).order_by(leads.c.id).limit(CHUNK)
            async with self.database.read() as connection:
                rows = (await connection.execute(query)).all()
            if not rows:
                return
            last = rows[-1].id
            yield [row.id for row in rows]


@asynccontextmanager
async def _filled(url: str) -> AsyncIterator[Bench]:
    database = Database(url)
    await migrate(database)
    bench = Bench(database, ActiveModels())
    await activate(database, points_changed(0), utc_now)
    await fill(database, bench.models, everybodys_events())
    yield bench
    await database.close()


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Leads re-evaluated and events recounted a second, against merely reading them."""

    leads: Comparison
    events: Comparison

    def __str__(self) -> str:
        title = f"a model is rolled out to {LEADS:,} leads with {EVENTS_EACH} events each, {ROUNDS} rounds, medians:"
        leads = f"  leads re-evaluated, points changed  {_summary(self.leads)}"
        return "\n".join([title, leads, f"  events recounted, a signal changed  {_summary(self.events)}"])

    @property
    def figures(self) -> list[Figure]:
        name = f"new points for {LEADS:,} leads: rate"
        return [Figure(name, "reading the same rows", self.leads.ratio, "at least", 0.25)]


def _summary(rates: Comparison) -> str:
    ours, read = median(rates.ours), median(rates.baseline)
    return f"{ours:9,.0f}/s   merely read {read:9,.0f}/s\n    ratio, round by round: {rates.ratio:.2f}"


def measure() -> Rollouts:
    with embedded_postgres(DURABLE) as url:
        return uvloop.run(_measure(url))


async def _measure(url: str) -> Rollouts:
    async with _filled(url) as bench:
        collect_garbage_rarely()  # as the server does
        leads = await _compared(LEADS, bench, points_changed, bench.read_leads)
        return Rollouts(leads, await _compared(LEADS * EVENTS_EACH, bench, signal_changed, bench.read_events))


async def _compared(
    items: int, bench: Bench, changed: Callable[[int], ScoringModel], read: Callable[[], Awaitable[None]]
) -> Comparison:
    """Items a second: rolling out models that `changed` makes from the number of the round, against only reading."""
    rounds = [
        (items / await seconds_of(bench.roll_out(changed(number))), items / await seconds_of(read()))
        for number in range(1, ROUNDS + 1)
    ]
    return Comparison(*zip(*rounds, strict=True))
