"""Rolling out a model, against only reading the same rows: leads if points change, events if a signal changes.

Both work in chunks of the same size on the same PostgreSQL, and are measured alternately.
"""

import itertools
import random
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

import uvloop
from sqlalchemy import select
from uuid_utils.compat import uuid7

from app.clock import utc_now
from app.scoring.document import ScoringModel
from app.scoring.events import Event, Identity
from app.scoring.model import dump_model, load_model
from app.services.ingest import store
from app.services.models import ActiveModels, starter
from app.services.publishing import activate
from app.services.rollouts import roll_out
from app.storage.db import Database
from app.storage.migrations import migrate
from app.storage.tables import events, identities, leads
from tests.databases import DURABLE, embedded_postgres

LEADS = 10_000
EVENTS_EACH = 10
CHUNK = 500
ROUNDS = 5
NAMES = ("Page Viewed", "Feature Used", "Article Read", "Video Playback Completed", "Form Submitted")


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
    for batch in _batches():
        async with database.write() as connection:
            await store(connection, bench.models, batch, utc_now())
    yield bench
    await database.close()


def _batches() -> list[list[Event]]:
    everything = [_event(person) for person in range(LEADS) for _ in range(EVENTS_EACH)]
    return [everything[start : start + 1_000] for start in range(0, len(everything), 1_000)]


def _event(person: int) -> Event:
    received_at = utc_now()
    page = {"url": "https://www.example.com/pricing?utm_source=google&utm_medium=cpc", "path": "/pricing"}
    return Event(
        id=uuid7(),
        source="bench",
        message_id=str(uuid7()),
        type="track",
        name=random.choice(NAMES),
        identities=(Identity("user_id", f"user-{person}"),),
        occurred_at=received_at - timedelta(days=random.uniform(0, 60)),
        received_at=received_at,
        trusted=True,
        properties={"plan": "team", "seats": 12, "form": "contact"},
        context={"page": page, "locale": "en-GB"},
        traits={},
    )


async def _rate(work: Awaitable[None], items: int) -> float:
    started = perf_counter()
    await work
    return items / (perf_counter() - started)


async def _measure(url: str) -> dict[str, tuple[list[float], list[float]]]:
    rates: dict[str, tuple[list[float], list[float]]] = {"leads": ([], []), "events": ([], [])}
    numbers = itertools.count(1)
    async with _filled(url) as bench:
        for _ in range(ROUNDS):
            for unit, model, read, items in (
                ("leads", points_changed(next(numbers)), bench.read_leads, LEADS),
                ("events", signal_changed(next(numbers)), bench.read_events, LEADS * EVENTS_EACH),
            ):
                rates[unit][0].append(await _rate(bench.roll_out(model), items))
                rates[unit][1].append(await _rate(read(), items))
    return rates


def report() -> None:
    with embedded_postgres(DURABLE) as url:
        rates = uvloop.run(_measure(url))
    print(f"a model is rolled out to {LEADS:,} leads with {EVENTS_EACH} events each, {ROUNDS} rounds, medians:")
    for unit, title in (("leads", "re-evaluated, points changed"), ("events", "recounted, a signal changed")):
        results, baseline = rates[unit]
        ratios = sorted(a / b for a, b in zip(results, baseline, strict=True))
        print(f"  {unit} {title:31} {median(results):9,.0f}/s   merely read {median(baseline):9,.0f}/s")
        print(f"    ratio, round by round: {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
