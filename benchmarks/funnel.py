"""The funnel of 1,000,000 leads, against only counting the same leads.

Both read PostgreSQL and are measured alternately. The leads are made up, but stored as the writer stores them.
"""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median

import uvloop
from sqlalchemy import func, select, text
from uuid_utils.compat import uuid7

from app.clock import utc_now
from app.scoring.accounts import AccountKey
from app.scoring.days import Days
from app.scoring.document import ScoringModel
from app.scoring.facts import Facts, Stamped
from app.scoring.journeys import journey_of
from app.scoring.stages import Standing
from app.services.funnel import Cohort, FunnelGroup, read_funnel
from app.services.models import ActiveModels, starter
from app.services.publishing import activate
from app.storage.db import Database
from app.storage.leads import Lead
from app.storage.migrations import migrate
from app.storage.saving import save
from app.storage.tables import leads
from benchmarks.figures import Comparison
from benchmarks.timing import seconds_of
from tests.databases import DURABLE, embedded_postgres

LEADS = 1_000_000
AT_ONCE = 5_000
ROUNDS = 5
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 180
COHORT = Cohort(FIRST.date(), FIRST.date() + timedelta(days=DAYS), limit=50)
COMPANIES = 50_000
CHANNELS = ("direct", "organic_search", "paid_search", "organic_social", "email", "referral")
LADDER = {"lead": 0.2, "mql": 0.4, "pql": 0.3, "sql": 0.5, "customer": 0.3}
"""The share of the leads in the stage below that go on to this one, most of them within days."""


def _leads(model: ScoringModel) -> list[Lead]:
    return [_lead(model) for _ in range(AT_ONCE)]


def _lead(model: ScoringModel) -> Lead:
    seen = FIRST + timedelta(days=random.uniform(0, DAYS))
    reached, at = dict[str, datetime](), seen
    for stage, share in LADDER.items():
        if random.random() > share:
            break
        at += timedelta(days=random.expovariate(1 / 5))
        reached[stage] = at
    source = {"channel": random.choice(CHANNELS), "referrer": None, "utm": {"source": f"source {random.randrange(40)}"}}
    return Lead(
        id=uuid7(),
        facts=Facts(
            tally={f"{signal:016x}": Days.of({seen.toordinal(): 2}) for signal in range(3)},
            traits={"email": Stamped(f"{random.random()}@example.com", seen, "m1")},
            source=Stamped(source, seen, "m1"),
            first_seen_at=seen,
            last_seen_at=at,
            event_count=6,
        ),
        standing=Standing(next(reversed(reached), "interest"), at, reached),
        scores={"engagement": 12.0, "fit": 10.0},
        model_version=1,
        next_check_on=date(2027, 1, 1),
        next_change=None,
        is_forecast=True,
        score_steps=(1, 1),
        journey=journey_of(model.stages, reached, seen, seen),
        account=AccountKey("domain", f"company{random.randrange(COMPANIES)}.example") if reached else None,
        created_at=seen,
        updated_at=at,
        changed_at=at,
    )


@dataclass(frozen=True, slots=True)
class Bench:
    database: Database
    models: ActiveModels

    async def count(self) -> None:
        is_in_cohort = leads.c.first_seen_on.between(COHORT.first, COHORT.last)
        query = select(func.count()).where(leads.c.merged_into.is_(None), is_in_cohort)
        async with self.database.read() as connection:
            assert (await connection.execute(query)).scalar_one() == LEADS  # noqa: S101 - else it measures nothing

    async def funnel(self, by: FunnelGroup | None) -> None:
        await read_funnel(self.database, self.models, COHORT, by, utc_now())


@asynccontextmanager
async def _filled(url: str) -> AsyncIterator[Bench]:
    database = Database(url, statement_timeout_s=None)
    await migrate(database)
    model = starter()
    await activate(database, model, utc_now)
    for _ in range(LEADS // AT_ONCE):
        async with database.write() as connection:
            await save(connection, _leads(model))
    async with database.engine.connect() as connection:
        await connection.execute(text("VACUUM ANALYZE leads"))  # as autovacuum does before long
    yield Bench(database, ActiveModels())
    await database.close()


@dataclass(frozen=True, slots=True)
class Funnels:
    """Seconds, by what the funnel is grouped by, against merely counting the leads."""

    seconds: Mapping[FunnelGroup | None, Comparison]

    def __str__(self) -> str:
        counting = median(next(iter(self.seconds.values())).baseline)
        title = f"the funnel of {LEADS:,} leads, {ROUNDS} rounds, medians; merely counting them: {counting:.3f} s"
        return "\n".join([title, *(_line(by, seconds) for by, seconds in self.seconds.items())])


def _line(by: FunnelGroup | None, seconds: Comparison) -> str:
    name = f"by {by}" if by else "in total"
    return f"  {name:11} {median(seconds.ours):.3f} s   ratio, round by round: {seconds.ratio:.1f}"


def measure() -> Funnels:
    with embedded_postgres(DURABLE) as url:
        return uvloop.run(_measure(url))


async def _measure(url: str) -> Funnels:
    groups: list[FunnelGroup | None] = [None, "channel", "source", "account", "week"]
    async with _filled(url) as bench:
        await bench.funnel(None)  # compiles the model
        rounds = [
            [await seconds_of(work) for work in (bench.count(), *map(bench.funnel, groups))] for _ in range(ROUNDS)
        ]
    counting, *funnels = zip(*rounds, strict=True)
    return Funnels({by: Comparison(seconds, counting) for by, seconds in zip(groups, funnels, strict=True)})
