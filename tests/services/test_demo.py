"""The replay of the demo data: history as it would have been, and never in a database that holds anything."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.demo.story import begins_at, invent
from app.errors import ValidationFailed
from app.scoring.diff import compare
from app.services.demo import SetClock, draft_variant, replay, require_empty
from app.services.keys import create_key
from app.services.models import starter
from app.services.runtime import Runtime
from app.services.sign_ins import create_link
from app.settings import Settings
from app.storage import leads as lead_store
from app.storage.db import Database
from app.storage.tables import leads, rejections, transitions

NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)


async def test_stages_were_entered_on_their_days(sqlite_url: str) -> None:
    clock = SetClock(begins_at(NOW))
    runtime = Runtime(Settings(database_url=sqlite_url, sweep_chunk=2), clock)
    try:
        await require_empty(runtime.database)
        await runtime.start()
        await replay(runtime, clock, invent(NOW, visitors=80, leads=60))
        async with runtime.database.read() as connection:
            stages = Counter(await connection.scalars(select(leads.c.stage).where(leads.c.merged_into.is_(None))))
            causes = Counter(await connection.scalars(select(transitions.c.cause)))
            times = list(await connection.scalars(select(transitions.c.at)))
            next_due = await lead_store.oldest_due(connection)
            refused = list(await connection.scalars(select(rejections.c.source).order_by(rejections.c.id)))
    finally:
        await runtime.stop()
    assert stages.total() == 80
    assert stages["interest"] == 20
    assert {"lead", "customer", "sql"} <= set(stages)
    assert next_due is not None
    assert next_due > NOW.date()
    assert min(causes["event"], causes["time"]) > 0
    assert NOW - max(times) < timedelta(days=5) < timedelta(days=60) < NOW - min(times)
    assert refused == ["website", "website", "product", "website", "crm"]


async def test_the_draft_differs_in_one_threshold(sqlite_url: str) -> None:
    runtime = Runtime(Settings(database_url=sqlite_url), lambda: NOW)
    await runtime.open()
    version = await draft_variant(runtime, NOW)
    [difference] = compare(starter(), version.load())
    await runtime.stop()
    assert version.state == "draft"
    assert difference.summary.endswith("at_least 3 → 2")


async def test_a_database_that_holds_anything_is_refused(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    try:
        await require_empty(database)
        await create_key(database, "read", "reports", NOW)
        with pytest.raises(ValidationFailed, match="empty database"):
            await require_empty(database)
    finally:
        await database.close()


async def test_a_single_row_in_any_table_counts(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    try:
        await create_link(database, "ada", "admin", NOW)
        with pytest.raises(ValidationFailed, match="empty database"):
            await require_empty(database)
    finally:
        await database.close()
