"""Writing leads without the columns that stay as they are: the rows are the same, and SQLite writes less."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.accounts import AccountKey
from app.scoring.days import Days
from app.scoring.facts import Facts, Stamped
from app.scoring.stages import Forecast, Standing
from app.storage.db import Database, driver_of
from app.storage.leads import Lead
from app.storage.saving import UPDATED, save
from app.storage.tables import leads
from tests.storage.rows import NOW

LATER = NOW + timedelta(days=2)


def source_of(campaign: str) -> Stamped:
    touch = {
        "channel": "paid_search",
        "referrer": "https://a.example/",
        "utm": {"source": "google", "campaign": campaign},
    }
    return Stamped(touch, NOW, "m1")


FACTS = Facts(
    tally={"visits": Days.of({NOW.toordinal(): 2})},
    traits={"plan": Stamped("team", NOW, "m1")},
    trusted_traits={},
    source=source_of("spring"),
    group=Stamped("acme", NOW, "m1"),
    first_seen_at=NOW,
    last_seen_at=NOW,
    event_count=2,
)
LEAD = Lead(
    id=UUID("01937b1e-0000-7000-8000-000000000001"),
    facts=FACTS,
    standing=Standing("mql", NOW, {"mql": NOW}),
    scores={"engagement": 12.5},
    model_version=1,
    next_check_on=NOW.date(),
    next_change=Forecast(date(2026, 4, 1), "lead"),
    is_forecast=True,
    score_steps=(12, 0),
    journey="mql:0",
    account=AccountKey("group", "acme"),
    created_at=NOW,
    updated_at=NOW,
    changed_at=NOW,
)
NEW_FACTS: dict[str, dict[str, Any]] = {
    "nothing indexed": {"event_count": 3, "last_seen_at": NOW + timedelta(seconds=1), "group": None, "traits": {}},
    "tally": {"tally": {"visits": Days.of({NOW.toordinal(): 3})}},
    "first day": {"first_seen_at": NOW - timedelta(days=1)},
    "last day": {"last_seen_at": LATER},
    "source": {"source": source_of("summer")},
    "no source": {"source": None},
    "trusted traits": {"trusted_traits": {"plan": Stamped("solo", NOW, "m1")}},
}
NEW_EVALUATIONS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "stage": {"standing": Standing("sql", NOW, {"mql": NOW})},
    "since": {"standing": Standing("mql", LATER, {"mql": NOW})},
    "reached": {"standing": Standing("mql", NOW, {"mql": LATER})},
    "scores": {"scores": {"engagement": 13.0}, "score_steps": (13, 1)},
    "version": {"model_version": 2},
    "next check": {"next_check_on": LATER.date()},
    "next change": {"next_change": Forecast(date(2026, 5, 1), "lead")},
    "next stage": {"next_change": Forecast(date(2026, 4, 1), "interest")},
    "no change": {"next_change": None, "is_forecast": False},
    "journey": {"journey": "mql:1"},
    "account": {"account": None},
    "separations": {"separations": {str(LEAD.id): 1}},
    "times": {"created_at": LATER, "updated_at": LATER, "changed_at": LATER},
}


async def stored_row(connection: AsyncConnection) -> Mapping[str, Any]:
    return dict((await connection.execute(select(leads))).mappings().one())


async def test_the_variants_change_every_column(sqlite_url: str) -> None:
    database, changed = Database(sqlite_url), set[str]()
    async with database.write() as connection:
        await save(connection, [LEAD])
        before = await stored_row(connection)
        for new in (*NEW_EVALUATIONS.values(), *({"facts": replace(FACTS, **each)} for each in NEW_FACTS.values())):
            await save(connection, [replace(LEAD, **new)])
            row = await stored_row(connection)
            changed |= {name for name in row if row[name] != before[name]}
    await database.close()
    assert changed == set(UPDATED)


@pytest.mark.parametrize("new", NEW_EVALUATIONS.values(), ids=NEW_EVALUATIONS)
async def test_an_update_leaves_the_same_row_as_writing_all_columns(database: Database, new: dict[str, Any]) -> None:
    async with database.write() as connection:
        await save(connection, [LEAD])
        for facts in (FACTS, *(replace(FACTS, **each) for each in NEW_FACTS.values())):
            lead = replace(LEAD, facts=facts, **new)
            await save(connection, [lead], {LEAD.id: LEAD})
            updated = await stored_row(connection)
            await save(connection, [lead])
            assert updated == await stored_row(connection)
            await save(connection, [LEAD])


async def test_a_lead_that_is_not_as_it_is_stored_is_written_completely(database: Database) -> None:
    recounted = replace(LEAD, facts=replace(FACTS, event_count=9), is_outdated=True)
    async with database.write() as connection:
        await save(connection, [LEAD])
        await save(connection, [replace(recounted, is_outdated=False)], {LEAD.id: recounted})
        assert (await stored_row(connection))["event_count"] == 9


async def test_an_event_that_changes_nothing_indexed_writes_to_no_index(sqlite_url: str) -> None:
    statements: list[str] = []
    database = Database(sqlite_url)
    async with database.write() as connection:
        await save(connection, [LEAD])
        await driver_of(connection).set_trace_callback(statements.append)
        await save(connection, [replace(LEAD, facts=replace(FACTS, event_count=3))], {LEAD.id: LEAD})
        program = await connection.exec_driver_sql(f"EXPLAIN {statements[0]}")
        operations = [row.opcode for row in program]
    await database.close()
    assert "Insert" in operations
    assert "IdxInsert" not in operations
