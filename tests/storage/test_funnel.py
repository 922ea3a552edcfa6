"""What the funnel counts: found for existing leads by the migration, and read from the index alone."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import Insert

from app.storage import funnel as funnel_store
from app.storage.db import Database, driver_of
from app.storage.migrations import _config, migrate
from app.storage.tables import leads, models, transitions
from tests.storage.rows import all_leads

SURVIVOR, RETIRED, VISITOR = (UUID(int=number) for number in (1, 2, 3))
TOUCH = {"channel": "paid_search", "referrer": "https://www.google.com/search", "utm": {"source": "x" * 101}}
FIRST_TOUCH = [TOUCH, "2026-01-02T00:00:00+00:00", "m1"]
PERIOD = date(2026, 1, 1), date(2026, 1, 2)
MODEL = {"name": "old", "stages": [{"name": "all"}, {"name": "mid"}, {"name": "top"}]}


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


def lead(lead_id: UUID, stage: str, created_at: datetime, **columns: Any) -> Insert:
    """A row with the columns that leads had before."""
    empty: dict[str, Any] = {name: {} for name in ("scores", "tally", "traits", "trusted_traits")}
    times = dict.fromkeys(("stage_since", "created_at", "updated_at", "first_seen_at"), created_at)
    return leads.insert().values(
        **{"event_count": 1, "model_version": 1} | empty | times | columns, id=lead_id, stage=stage
    )


def transition(number: int, lead_id: UUID, to_stage: str, moment: datetime) -> Insert:
    rest = {"cause": "event", "model_version": 1, "scores": {}, "notify": True}
    return transitions.insert().values(
        id=UUID(int=number), lead_id=lead_id, from_stage="all", to_stage=to_stage, at=moment, **rest
    )


BEFORE = (
    models.insert().values(version=1, document=MODEL, created_at=at(1)),
    lead(SURVIVOR, "top", at(3), source=FIRST_TOUCH, channel="paid_search", first_seen_at=at(2)),
    lead(RETIRED, "mid", at(2), merged_into=SURVIVOR),
    lead(VISITOR, "all", at(4), first_seen_at=at(1)),
    transition(1, RETIRED, "mid", at(2, 12)),
    transition(2, SURVIVOR, "mid", at(4)),
    transition(3, SURVIVOR, "top", at(5)),
)


@pytest.fixture
async def migrated(empty_database_url: str) -> AsyncIterator[Database]:
    """A database of the version before, with a merged lead and a visitor, brought up to date."""
    database = Database(empty_database_url)
    async with database.write() as connection:
        await connection.run_sync(lambda each: command.upgrade(_config(each), "0007"))
        for statement in BEFORE:
            await connection.execute(statement)
    await migrate(database)
    yield database
    await database.close()


async def test_existing_leads_have_reached_what_their_transitions_say(migrated: Database) -> None:
    async with migrated.read() as connection:
        survivor, visitor = await all_leads(connection)
    assert survivor.standing.reached == {"mid": at(2, 12), "top": at(5)}
    assert survivor.created_at == at(2)
    assert survivor.journey == "1:12 2:48"
    assert (visitor.standing.reached, visitor.journey) == ({}, "")


async def test_existing_leads_have_the_parts_of_their_first_touch(migrated: Database) -> None:
    async with migrated.read() as connection:
        channels = await funnel_store.count_by_source(connection, "channel", *PERIOD, 9)
        sources = await funnel_store.count_by_source(connection, "source", *PERIOD, 9)
        largest = await funnel_store.count_by_source(connection, "referrer", *PERIOD, 1)
    assert counts_of(channels) == {"": ("", 1), "paid_search": ("1:12 2:48", 1)}
    assert counts_of(sources) == {"": ("", 1), "x" * 100: ("1:12 2:48", 1)}
    assert counts_of(largest) == {"": ("", 1), None: ("1:12 2:48", 1)}  # the other is among the rest


def counts_of(rows: Sequence[Any]) -> dict[str | None, tuple[str, int]]:
    return {row.cohort: (row.journey, row.count) for row in rows}


async def test_only_the_index_is_read(sqlite_url: str) -> None:
    """PostgreSQL chooses by the size of the table, so that only the benchmark can tell."""
    statements: list[str] = []
    database = Database(sqlite_url)
    async with database.read() as connection:
        await driver_of(connection).set_trace_callback(statements.append)
        await funnel_store.count_together(connection, *PERIOD)
        await funnel_store.count_by_week(connection, *PERIOD)
        await funnel_store.count_by_source(connection, "source", *PERIOD, 9)
        plans = [await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}") for sql in statements[:3]]
        details = [str(plan.all()) for plan in plans]
    await database.close()
    assert [plan for plan in details if "USING COVERING INDEX ix_leads_funnel" not in plan] == []
    assert len(details) == 3
