"""Lists of leads in storage: which index each of them reads."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage import lead_lists as list_store
from app.storage.db import Database
from app.storage.lead_lists import LeadFilter, Position

NAMES = ["engagement", "fit", "third"]
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SOME_ID = UUID("01937b1e-0000-7000-8000-000000000001")


async def plan_of(url: str, run: Callable[[AsyncConnection], Awaitable[Any]]) -> str:
    """How SQLite runs a query. PostgreSQL chooses by the size of the table, so that only the benchmark can tell."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    database = Database(url)
    async with database.read() as connection:
        event.listen(connection.sync_connection, "before_cursor_execute", note)
        await run(connection)
        sql, values = statements[0]
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)).all()
    await database.close()
    return "\n".join(row.detail for row in plan)


async def plan_of_page(url: str, sort: str, after: Position | None = None) -> str:
    return await plan_of(url, lambda each: list_store.page(each, LeadFilter(NAMES), sort, after, 10))


async def plan_of_search(url: str, wanted: LeadFilter) -> str:
    return await plan_of(url, lambda each: list_store.count_found(each, wanted, 10))


INDEXES: list[tuple[str, Any, str]] = [
    ("last_seen_at", NOW, "ix_leads_last_seen_on"),
    ("stage_since", NOW, "ix_leads_stage_since_id_stage"),
    ("next_change", NOW.date(), "ix_leads_next_change_on_id_stage"),
    ("engagement", 12.5, "ix_leads_first_score_step_stage"),
    ("fit", 12.5, "ix_leads_second_score_step_stage"),
]


@pytest.mark.parametrize(("sort", "value", "index"), INDEXES)
async def test_each_order_is_read_from_its_index_wherever_the_page_begins(
    sqlite_url: str, sort: str, value: Any, index: str
) -> None:
    first = await plan_of_page(sqlite_url, sort)
    later = await plan_of_page(sqlite_url, sort, Position(value, SOME_ID))
    assert f"leads USING INDEX {index}" in first
    assert f"SEARCH leads USING INDEX {index}" in later


async def test_a_score_without_steps_is_sorted_as_a_whole(sqlite_url: str) -> None:
    assert "USE TEMP B-TREE FOR ORDER BY" in await plan_of_page(sqlite_url, "third")


async def test_searches_read_a_range_of_an_index(sqlite_url: str) -> None:
    by_identity = LeadFilter(NAMES, identity_prefixes=["email:ada", "user_id:ada"])
    by_domain = LeadFilter(NAMES, domain_prefix="acme")
    found = await plan_of_search(sqlite_url, by_identity)
    assert found.count("USING COVERING INDEX ix_identities_prefix (identity>? AND identity<?)") == 2
    found = await plan_of_search(sqlite_url, by_domain)
    assert "USING COVERING INDEX ix_identities_domain (email_domain>? AND email_domain<?)" in found
