"""leadscore without HTTP: a database with a scoring model, a running writer, and a clock that tests set.

`World` is the same for tests that are not coroutines, as those of Hypothesis are: it brings its own event loop.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar, get_args

from sqlalchemy import delete, select, update
from uuid_utils.compat import uuid7

from app.metrics import Metrics
from app.scoring.document import ScoringModel
from app.scoring.events import IDENTITY_KINDS, Event, Identity, IdentityKind
from app.scoring.model import load_model
from app.services.evaluation import StageMoves
from app.services.feed import Feed
from app.services.lead_lists import LeadLists
from app.services.leads import Leads, LeadView
from app.services.models import ActiveModels
from app.services.publishing import activate
from app.services.rollouts import roll_out
from app.services.suppressions import Suppressions
from app.services.writer import Receipt, Writer
from app.storage.db import Database
from app.storage.tables import feed, metadata, transitions

Result = TypeVar("Result")

EXAMPLES = int(os.environ.get("LEADSCORE_TEST_EXAMPLES", "25"))
"""How many examples Hypothesis tries for each law and database."""

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)

DOCUMENT: dict[str, Any] = {
    "name": "small",
    "signals": {
        "pricing": {"on": ["Page Viewed"], "where": {"context": "page.path", "starts_with": "/pricing"}},
        "demo": {"on": ["Demo Requested"]},
        "used": {"on": ["Feature Used"]},
        "bought": {"on": ["Order Completed"], "trusted": True},
    },
    "scores": {
        "engagement": {
            "min": 0,
            "max": 60,
            "groups": {"looking": {"max": 15}},
            "bands": {"hot": 40, "cold": 0},
            "rules": {
                "pricing": {"signal": "pricing", "points": 3.3, "per_day": 2, "half_life_days": 7, "group": "looking"},
                "often": {"signal": "pricing", "at_least": 3, "within_days": 7, "points": 10, "group": "looking"},
                "demo": {"signal": "demo", "points": 25, "expires_after_days": 30, "max_points": 40},
                "used": {"signal": "used", "points": 4, "fades_over_days": 10},
                "quiet": {"inactive_for_days": 20, "points": -5},
            },
        },
        "fit": {"rules": {"big": {"when": {"trait": "size", "gte": 50}, "points": 20}}},
    },
    "stages": [
        {"name": "interest"},
        {"name": "lead", "when": {"trait": "email", "exists": True}},
        {"name": "mql", "when": {"score": "engagement", "gte": 20}},
        {"name": "sql", "when": {"signal": "demo", "within_days": 14}, "sales_ready": True},
        {"name": "customer", "when": {"signal": "bought"}},
    ],
}
"""A model with every kind of rule and no `keep`: its stages depend only on the facts and the day."""


def small_model(**changes: Any) -> ScoringModel:
    return load_model(DOCUMENT | changes)


def with_signal(name: str, signal: Mapping[str, Any]) -> ScoringModel:
    """The small model with one signal redefined."""
    return small_model(signals=DOCUMENT["signals"] | {name: signal})


def with_keep() -> ScoringModel:
    """The small model with hysteresis: a lead remains an mql down to an engagement of 10."""
    kept = {**DOCUMENT["stages"][2], "keep": {"score": "engagement", "gte": 10}}
    return small_model(stages=[*DOCUMENT["stages"][:2], kept, *DOCUMENT["stages"][3:]])


# --- Events -----------------------------------------------------------------------------------------------------


def who(*keys: str) -> tuple[Identity, ...]:
    """Identities, strongest first, from keys such as `user_id:u1`. `u1`, `e1@x`, `p1` and `a1` imply their kind."""
    kinds: dict[str, IdentityKind] = {"u": "user_id", "e": "email", "p": "phone", "a": "anonymous_id"}
    named: list[Identity] = []
    for key in keys:
        prefix, _, value = key.partition(":")
        kind = next((kind for kind in get_args(IdentityKind) if kind == prefix), None)
        named.append(Identity(kind, value) if kind else Identity(kinds[key[0]], key))
    return tuple(sorted(named, key=lambda identity: IDENTITY_KINDS.index(identity.kind)))


def event(*keys: str, name: str = "Demo Requested", at: datetime = NOW, **fields: Any) -> Event:
    """An event of the person with these identities. `fields` override the defaults."""
    default = Event(
        id=uuid7(),
        source="website",
        message_id=str(uuid7()),
        type="track",
        name=name,
        identities=who(*keys),
        occurred_at=at,
        received_at=NOW,
        trusted=False,
        properties={},
        context={},
        traits={},
    )
    return replace(default, **fields)


def alias(user: str, previous: str, *, trusted: bool = True, **fields: Any) -> Event:
    """An alias of `previous` to `user`, as the protocol reads it: only a secret key may name a known person."""
    known = [f"user_id:{previous}"] if trusted else []
    keys = (f"user_id:{user}", *known, f"anonymous_id:{previous}")
    return event(*keys, name="Aliased", type="alias", trusted=trusted, **fields)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


# --- The service ------------------------------------------------------------------------------------------------


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Stopwatch:
    seconds: float = 1_000

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Service:
    """One replica without HTTP."""

    database: Database
    clock: Clock = field(default_factory=Clock)
    models: ActiveModels = field(default_factory=ActiveModels)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.id = uuid7()
        self.suppressions = Suppressions(self.database, "a secret for tests, long enough")
        self.writer = self.new_writer()
        self.leads = Leads(self.database, self.models)
        self.lead_lists = LeadLists(self.database, self.models)
        self.feed = Feed(self.database, self.models)

    def new_writer(self, **limits: int) -> Writer:
        return Writer(self.database, self.models, self.metrics, self.clock, self.suppressions, **limits)

    async def ingest(self, *events: Event) -> Receipt:
        return await self.writer.submit(events)

    async def publish(self, model: ScoringModel, **how: Any) -> int:
        """Make this the active model without rolling it out. Returns its version."""
        return (await activate(self.database, model, self.clock, **how)).version

    async def roll_out(self, chunk: int = 10, on_chunk: Callable[[int, StageMoves], bool] = lambda *_: True) -> bool:
        return await roll_out(self.database, self.models, self.id, self.clock, chunk, on_chunk)

    async def lead(self, key: str) -> LeadView:
        return await self.leads.get_by_identity(who(key)[0], self.clock.now)

    def measured(self, name: str) -> float:
        value = self.metrics.registry.get_sample_value(name)
        assert value is not None, f"no metric {name}"
        return value


@asynccontextmanager
async def running(writer: Writer) -> AsyncIterator[Writer]:
    """The writer, running; it is drained at the end."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.run())
        try:
            yield writer
        finally:
            writer.close()


@asynccontextmanager
async def serving(url: str, model: ScoringModel | None = None, clock: Clock | None = None) -> AsyncIterator[Service]:
    """A running replica, with `model` as the active model if given."""
    service = Service(Database(url, pool_size=4), clock or Clock())
    try:
        if model is not None:
            await activate(service.database, model, service.clock)
        async with running(service.writer):
            yield service
    finally:
        await service.database.close()


Change = tuple[str, str, str, int, bool]
"""From stage, to stage, cause, version of the model, and whether to notify."""


async def changes(service: Service, *causes: str) -> list[Change]:
    """All stage changes with one of these causes, in order."""
    c = transitions.c
    columns = (c.from_stage, c.to_stage, c.cause, c.model_version, c.notify)
    async with service.database.read() as connection:
        query = select(*columns).where(c.cause.in_(causes)).order_by(c.id)
        return [(row[0], row[1], row[2], row[3], row[4]) for row in await connection.execute(query)]


class World:
    """A service with its own event loop, for Hypothesis tests that run many examples on one database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._stack = AsyncExitStack()

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self.run(self._start(Database(self._url, pool_size=4), Clock()))
        return self

    def __exit__(self, *raised: object) -> None:
        self.run(self._stop())
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self._runner.run(work)

    def reset(self, model: ScoringModel | None = None) -> None:
        """Empty the database, publish `model` (by default the small one) and start a fresh replica."""
        self.run(self._reset(model or small_model()))

    def restart(self) -> None:
        """Replace the replica with a fresh one on the same database."""
        self.run(self._restart())

    def ingest(self, *batches: Sequence[Event]) -> None:
        """Store batches one by one, each in its own commit."""
        for batch in batches:
            self.run(self.service.ingest(*batch))

    async def _start(self, database: Database, clock: Clock) -> None:
        self.service = Service(database, clock)
        await self._stack.enter_async_context(running(self.service.writer))

    async def _stop(self) -> None:
        await self._stack.aclose()
        await self.service.database.close()

    async def _restart(self) -> None:
        await self._stop()
        await self._start(Database(self._url, pool_size=4), self.service.clock)

    async def _reset(self, model: ScoringModel) -> None:
        database = self.service.database
        await self._stack.aclose()  # the connections stay open, so that examples need not reconnect
        async with database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                if table is feed:
                    await connection.execute(update(feed).values(last_position=0, pruned_to=0))
                else:
                    await connection.execute(delete(table))
        await activate(database, model, Clock())
        await self._start(database, Clock())
