"""The first page of lists of leads, and counts, against only reading or counting the same rows.

Both read PostgreSQL and are measured alternately. The leads are made up, but evaluated by the starter model and stored
as the writer stores them. LEADSCORE_TEST_LEADS sets how many there are.
"""

import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from statistics import median, quantiles

import uvloop
from sqlalchemy import func, select, text
from uuid_utils.compat import uuid7

from app.clock import utc_now
from app.protocol.searches import read_search
from app.scoring.days import Days
from app.scoring.engine import CompiledModel, compile_model, evaluate
from app.scoring.events import Identity
from app.scoring.facts import Facts, Stamped
from app.scoring.stages import Standing, forecast, stage_of
from app.scoring.steps import steps_of
from app.services.lead_lists import LeadLists, LeadQuery
from app.services.models import ActiveModels, starter
from app.services.publishing import activate
from app.storage import identities as identity_store
from app.storage.db import Database
from app.storage.leads import Lead
from app.storage.migrations import migrate
from app.storage.saving import save
from app.storage.sql import any_of_values
from app.storage.tables import leads
from benchmarks.figures import Comparison
from benchmarks.timing import seconds_of
from tests.databases import DURABLE, embedded_postgres

LEADS = int(os.environ.get("LEADSCORE_TEST_LEADS", "300000"))
PATTERNS = 3_000
"""How many different people there are: evaluating and forecasting every lead would take most of the time."""

AT_ONCE = 5_000
ROUNDS = 40
LIMIT = 50
KNOWN, BUYERS = 0.25, 0.25
"""The share of all people who gave their address, and of these who try or buy the product."""

READING = ("page_viewed", "blog_viewed", "pricing_viewed", "article_read", "social_liked")
CONVERSIONS = ("newsletter_subscribed", "content_downloaded", "webinar_attended", "other_form_sent", "signed_up")
BUYING = ("trial_started", "feature_used", "demo_requested", "order_completed")


# --- Leads ------------------------------------------------------------------------------------------------------


def _pattern(model: CompiledModel, now: datetime) -> Lead:
    """A person with some events in the last three months: most only read, some convert, few buy."""
    names = random.choices(READING, k=random.randint(1, 3))
    is_known = random.random() < KNOWN
    names += random.choices(CONVERSIONS, k=random.randint(1, 3)) if is_known else []
    names += random.choices(BUYING, k=2) if is_known and random.random() < BUYERS else []
    seen = now - timedelta(days=random.expovariate(1 / 25))
    days = {name: {(seen - timedelta(days=random.uniform(0, 20))).toordinal(): random.randint(1, 3)} for name in names}
    known = {"email": "x", "company_size": random.choice((5, 80, 500)), "job_title": random.choice(("Clerk", "CTO"))}
    facts = Facts(
        tally={model.signals[name].fingerprint: Days.of(hits) for name, hits in days.items()},
        traits={name: Stamped(value, seen, "m1") for name, value in known.items()} if is_known else {},
        source=Stamped({"channel": "organic_search", "referrer": None, "utm": {}}, seen, "m1"),
        first_seen_at=seen - timedelta(days=20),
        last_seen_at=seen,
        event_count=sum(sum(hits.values()) for hits in days.values()),
    )
    evaluation = evaluate(model, facts, now)
    stage = stage_of(evaluation, None)
    return Lead(
        id=uuid7(),
        facts=facts,
        standing=Standing(stage, seen),
        scores=evaluation.values,
        model_version=model.version,
        next_check_on=date(2100, 1, 1),
        next_change=forecast(evaluation, stage),
        is_forecast=seen.date() < now.date(),
        score_steps=steps_of(evaluation.values),
        journey="",
        account=None,
        created_at=seen,
        updated_at=seen,
        changed_at=seen,
    )


def _person(pattern: Lead, number: int) -> tuple[Lead, dict[Identity, Lead]]:
    """One of the people who behave alike, with identities of their own."""
    moved = timedelta(seconds=random.uniform(0, 80_000))
    seen, since = pattern.facts.last_seen_at, pattern.standing.since
    assert seen is not None  # noqa: S101 - every pattern has events
    address = Identity("email", f"user{number}@company{number % 5_000}.example")
    traits = dict(pattern.facts.traits)
    if traits:
        traits["email"] = Stamped(address.value, seen, "m1")
    facts = replace(pattern.facts, traits=traits, trusted_traits=traits, last_seen_at=seen - moved)
    lead = replace(pattern, id=uuid7(), facts=facts, standing=replace(pattern.standing, since=since - moved))
    visitor = Identity("anonymous_id", str(uuid7()))
    return lead, {visitor: lead, address: lead} if traits else {visitor: lead}


@asynccontextmanager
async def filled(url: str, now: datetime) -> AsyncIterator["Bench"]:
    database = Database(url, statement_timeout_s=None)
    await migrate(database)
    await activate(database, starter(), utc_now)
    model = compile_model(starter(), 1)
    patterns = [_pattern(model, now) for _ in range(PATTERNS)]
    for first in range(0, LEADS, AT_ONCE):
        people = [_person(random.choice(patterns), number) for number in range(first, first + AT_ONCE)]
        links = {identity: lead.id for _, own in people for identity, lead in own.items()}
        async with database.write() as connection:
            await save(connection, [lead for lead, _ in people])
            await identity_store.insert(connection, links, now)
    async with database.engine.connect() as connection:
        await connection.execute(text("VACUUM ANALYZE"))  # as autovacuum does before long
    yield Bench(database, LeadLists(database, ActiveModels()), now)
    await database.close()


# --- Questions --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bench:
    database: Database
    lists: LeadLists
    now: datetime

    async def page(self, query: LeadQuery) -> None:
        await self.lists.page(query, None, LIMIT, self.now)

    async def read(self, query: LeadQuery) -> Callable[[], Awaitable[None]]:
        """A function that merely reads the rows of that page."""
        views, _ = await self.lists.page(query, None, LIMIT, self.now)
        rows = select(leads).where(any_of_values(leads.c.id, [view.lead.id for view in views]))

        async def read() -> None:
            async with self.database.read() as connection:
                (await connection.execute(rows)).all()

        return read

    async def count(self, query: LeadQuery) -> None:
        await self.lists.count(query, self.now)

    async def count_all(self) -> None:
        """Every lead by its stage, without stopping."""
        counted = select(leads.c.stage, func.count()).where(leads.c.merged_into.is_(None)).group_by(leads.c.stage)
        async with self.database.read() as connection:
            (await connection.execute(counted)).all()


def _queries(now: datetime) -> dict[str, LeadQuery]:
    week = now.date() - timedelta(days=7)
    sorts = ("last_seen_at", "stage_since", "next_change", "engagement", "fit")
    searches = ("user123", "u", "@company12", "nobody")
    return {
        **{f"by {sort}": LeadQuery(sort=sort) for sort in sorts},
        **{f"by {sort}, q=user12": LeadQuery(sort=sort, search=read_search("user12")) for sort in sorts},
        **{f"q={text}": LeadQuery(search=read_search(text)) for text in searches},
        "for sales": LeadQuery(sort="engagement", sales_ready=True),
        "warm this week": LeadQuery(sort="engagement", min_scores={"engagement": 20}, seen_from=week),
        "new": LeadQuery(sort="stage_since", stages=["mql"], stage_since_from=week),
        "cooling soon": LeadQuery(sort="next_change", next_change_before=now.date() + timedelta(days=7)),
    }


# --- Measuring --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lists:
    """Seconds, by the list or the count, against merely reading the same rows, or counting all leads."""

    seconds: Mapping[str, Comparison]

    def __str__(self) -> str:
        title = (
            f"lists of {LEADS:,} leads, {LIMIT} a page, {ROUNDS} rounds each; milliseconds, and the ratio to reading\n"
            "the same rows, or to counting all leads by stage"
        )
        return "\n".join([title, *(_line(name, seconds) for name, seconds in self.seconds.items())])


def _line(name: str, seconds: Comparison) -> str:
    middle, p95 = median(seconds.ours), quantiles(seconds.ours, n=20)[-1]
    ratio = middle / median(seconds.baseline)
    return f"  {name:32} median {middle * 1e3:7.1f}   p95 {p95 * 1e3:7.1f}   ratio {ratio:6.2f}"


async def _alternate(work: Callable[[], Awaitable[None]], baseline: Callable[[], Awaitable[None]]) -> Comparison:
    await work()  # compiles statements
    rounds = [(await seconds_of(work()), await seconds_of(baseline())) for _ in range(ROUNDS)]
    return Comparison(*zip(*rounds, strict=True))


async def _measure(url: str) -> Lists:
    now = utc_now()
    async with filled(url, now) as bench:
        found: dict[str, Comparison] = {}
        for name, query in _queries(now).items():
            found[f"list {name}"] = await _alternate(partial(bench.page, query), await bench.read(query))
        for name, query in _queries(now).items():
            if not name.startswith("by ") or name == "by engagement":
                found[f"count {name}"] = await _alternate(partial(bench.count, query), bench.count_all)
    return Lists(found)


def measure() -> Lists:
    with embedded_postgres(DURABLE) as url:
        return uvloop.run(_measure(url))
