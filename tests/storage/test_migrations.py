"""Migrations, on an empty database of each kind: they lead to the tables, once, and back."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, inspect, select, text, update
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import SchemaOutdated, Unavailable
from app.scoring.facts import Stamped
from app.storage import migrations
from app.storage import models as model_store
from app.storage import rejections as rejection_store
from app.storage.db import Conflict, Database
from app.storage.migrations import _config, check_schema, migrate
from app.storage.rejections import Rejection, RejectionFilter
from app.storage.tables import leads, metadata, summaries
from tests.storage.rows import all_leads


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncIterator[Database]:
    database = Database(empty_database_url)
    yield database
    await database.close()


def differences(connection: Connection) -> Any:
    return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)


def table_names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def set_revision(database: Database, revision: str) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


async def test_migrations_lead_to_the_tables_and_leave_nothing_to_do(empty: Database) -> None:
    await migrate(empty)
    async with empty.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_comparison_would_notice_a_forgotten_migration(empty: Database) -> None:
    await migrate(empty)
    async with empty.write() as connection:
        await connection.execute(text("DROP INDEX ix_leads_merged_into"))
        await connection.execute(text("ALTER TABLE leads DROP COLUMN last_seen_at"))
        kinds = [difference[0] for difference in await connection.run_sync(differences)]
    assert sorted(kinds) == ["add_column", "add_index"]


async def test_migrating_again_does_nothing(empty: Database) -> None:
    assert [await migrate(empty) for _ in range(2)] == [True, False]


async def test_replicas_that_start_together_migrate_once(empty_database_url: str) -> None:
    replicas = [Database(empty_database_url) for _ in range(4)]
    done = await asyncio.gather(*(migrate(each) for each in replicas))
    assert sorted(done) == [False, False, False, True]
    for each in replicas:
        await check_schema(each)
        await each.close()


async def test_a_database_that_others_keep_locked_is_told(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT_S", 1)
    database = Database(postgres_url)
    async with database.write() as other:
        await other.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": migrations.LOCK})
        with pytest.raises(Unavailable, match="locked for 1 seconds"):
            await migrate(database)
    await database.close()


async def test_going_back_leaves_nothing_and_forth_again_everything(empty: Database) -> None:
    await migrate(empty)
    async with empty.write() as connection:
        await connection.run_sync(lambda each: command.downgrade(_config(each), "base"))
        assert await connection.run_sync(table_names) == {"alembic_version"}
    assert await migrate(empty)
    async with empty.read() as connection:
        assert await connection.run_sync(table_names) == {*metadata.tables, "alembic_version"}


async def test_a_migration_that_fails_changes_nothing(empty: Database) -> None:
    async with empty.write() as connection:
        await connection.execute(text("CREATE TABLE models (version INTEGER)"))  # in the way of ours
    with pytest.raises(Exception, match="models"):
        await migrate(empty)
    async with empty.read() as connection:
        assert await connection.run_sync(table_names) == {"models"}


async def test_an_empty_database_is_outdated_and_the_remedy_is_told(empty: Database) -> None:
    with pytest.raises(SchemaOutdated, match="has no leadscore schema yet: run `leadscore migrate`"):
        await check_schema(empty)


async def test_a_schema_of_a_newer_version_asks_for_that_version(empty: Database) -> None:
    await migrate(empty)
    await set_revision(empty, "9999")
    with pytest.raises(SchemaOutdated, match="schema 9999, which this version of leadscore does not know"):
        await check_schema(empty)
    with pytest.raises(SchemaOutdated, match="run a newer version"):
        await migrate(empty)
    await check_schema(empty, or_newer=True)


async def test_a_current_schema_passes(empty: Database) -> None:
    await migrate(empty)
    await check_schema(empty)


async def _begin_with(empty: Database, revision: str, *statements: str) -> None:
    """An earlier schema, with what these statements insert."""
    async with empty.write() as connection:
        await connection.run_sync(lambda each: command.upgrade(_config(each), revision))
        for statement in statements:
            await connection.exec_driver_sql(statement)


async def test_what_the_first_schema_held_is_kept(empty: Database) -> None:
    await _begin_with(empty, "0001", *OLD_ROWS)
    assert await migrate(empty)
    async with empty.read() as connection:
        kept = await model_store.get(connection, 1)
        assert kept is not None
        assert kept.document == {"name": "old", "stages": [{"name": "all"}]}
        assert (await connection.execute(text("SELECT name_key FROM events"))).scalar() == "form submitted"
    async with empty.write() as connection:
        await connection.run_sync(lambda each: command.downgrade(_config(each), "0001"))
        assert (await connection.execute(text("SELECT CAST(document AS TEXT) FROM models"))).scalar() is not None


async def test_runs_of_days_are_taken_apart_again(empty: Database) -> None:
    await migrate(empty)
    runs = {"f1": {"2026-01-30": [1, 0, 3]}, "f2": {"2026-01-01": 2}}
    async with empty.write() as connection:
        await connection.exec_driver_sql(LEAD_OF_BEFORE[0])
        await connection.execute(update(leads).values(tally=runs))
        await connection.execute(
            insert(summaries).values(
                identity="user_id:u1", facts={"tally": runs, "event_count": 6}, valid_from=datetime.now(UTC)
            )
        )
        await connection.run_sync(lambda each: command.downgrade(_config(each), "0017"))
        by_day = {"f1": {"2026-01-30": 1, "2026-02-01": 3}, "f2": {"2026-01-01": 2}}
        assert (await connection.execute(select(leads.c.tally))).scalar() == by_day
        assert (await connection.execute(select(summaries.c.facts))).scalar() == {"tally": by_day, "event_count": 6}


async def test_what_secret_keys_said_of_traits_is_found_in_the_log(empty: Database) -> None:
    await _begin_with(empty, "0003", *LEAD_OF_BEFORE)
    assert await migrate(empty)
    async with empty.read() as connection:
        (lead,) = await all_leads(connection)
    assert lead.facts.known_traits() == {"size": 1, "plan": "free"}
    assert lead.facts.known_traits({"size", "plan"}) == {"size": 500}
    assert lead.facts.trusted_traits["size"] == Stamped(500, datetime(2026, 1, 2, tzinfo=UTC), "m2")


async def test_leads_of_before_are_listed_as_those_of_now(empty: Database) -> None:
    await _begin_with(empty, "0010", *LISTED_BEFORE)
    assert await migrate(empty)
    async with empty.read() as connection:
        (lead,) = await all_leads(connection)
        domains = (await connection.execute(text("SELECT email_domain FROM identities ORDER BY identity"))).scalars()
        assert list(domains) == ["example.com", None]
    assert (lead.score_steps, lead.is_forecast, lead.next_change) == ((2, -1), False, None)
    assert lead.next_check_on is not None
    assert lead.next_check_on < date(2099, 1, 1)  # so the sweeper will forecast it


async def test_replicas_of_the_version_before_go_on_inserting_leads(empty: Database) -> None:
    await migrate(empty)
    async with empty.write() as connection:
        await connection.exec_driver_sql(LEAD_OF_BEFORE[0])
    async with empty.read() as connection:
        (lead,) = await all_leads(connection)
    assert lead.facts.trusted_traits == {}


async def test_replicas_of_the_version_before_go_on_keeping_rejections(empty: Database) -> None:
    await migrate(empty)
    async with empty.write() as connection:
        await connection.exec_driver_sql(REJECTION_OF_BEFORE)
    async with empty.read() as connection:
        (rejection,) = await rejection_store.page(connection, RejectionFilter(), None, 10)
    assert isinstance(rejection, Rejection)
    assert rejection.identities == []


async def test_rejections_of_before_name_nobody(empty: Database) -> None:
    await _begin_with(empty, "0005", REJECTION_OF_BEFORE)
    await migrate(empty)
    async with empty.read() as connection:
        (rejection,) = await rejection_store.page(connection, RejectionFilter(), None, 10)
    assert isinstance(rejection, Rejection)
    assert rejection.identities == []


async def test_what_identities_left_is_kept_on_the_way_there_and_back(empty: Database) -> None:
    await _begin_with(empty, "0005", LEAD_OF_BEFORE[0], _move(2))
    await migrate(empty)
    async with empty.write() as connection:
        await connection.exec_driver_sql(_move(4))
        assert await _moves(connection) == ["2026-01-02", "2026-01-04"]
        await connection.run_sync(lambda each: command.downgrade(_config(each), "0005"))
        assert await _moves(connection) == ["2026-01-04"]
    with pytest.raises(Conflict):
        await _write(empty, _move(5))


async def _write(database: Database, statement: str) -> None:
    async with database.write() as connection:
        await connection.exec_driver_sql(statement)


def _move(day: int) -> str:
    return f"""INSERT INTO former_identities (identity, lead_id, linked_at, moved_at) VALUES ('user_id:u1', {LEAD},
    '2026-01-0{day - 1} 00:00:00+00:00', '2026-01-0{day} 00:00:00+00:00')"""  # noqa: S608


async def _moves(connection: AsyncConnection) -> list[str]:
    rows = await connection.execute(text("SELECT moved_at FROM former_identities ORDER BY moved_at"))
    return [str(moved_at)[:10] for moved_at in rows.scalars()]


THEN = "'2026-01-01 00:00:00+00:00'"
OLD_ROWS = (
    f"""INSERT INTO models VALUES (1, '{{"name": "old", "stages": [{{"name": "all"}}]}}', {THEN})""",  # noqa: S608
    f"INSERT INTO publications VALUES (1, 1, {THEN})",  # noqa: S608
    f"""INSERT INTO events VALUES ('01937b1e-0000-7000-8000-000000000000', 'website', 'm1', 'user_id:u1',
    '["user_id:u1"]', 'track', 'Form-Submitted', {THEN}, {THEN}, true, '{{}}', '{{}}', '{{}}')""",  # noqa: S608
)
LEAD = "'01937b1e-0000-7000-8000-000000000001'"
REJECTION_OF_BEFORE = f"""INSERT INTO rejections (id, source, received_at, code, detail, body) VALUES
    ('01937b1e-0000-7000-8000-000000000009', 'website', {THEN}, 'validation-error', 'Bad.', '{{}}')"""  # noqa: S608
TRAITS = json.dumps(
    {"size": [1, "2026-01-03T00:00:00+00:00", "m3"], "plan": ["free", "2026-01-03T00:00:00+00:00", "m3"]}
)


def _event(number: int, traits: dict[str, Any], *, trusted: bool) -> str:
    at = f"'2026-01-0{number} 00:00:00+00:00'"
    return f"""INSERT INTO events (id, source, message_id, identity, identities, type, name, name_key, occurred_at,
    received_at, trusted, properties, context, traits) VALUES ('01937b1e-0000-7000-8000-00000000000{number}', 'website',
    'm{number}', 'user_id:u1', '["user_id:u1"]', 'identify', 'Identified', 'identified', {at}, {at}, {trusted}, '{{}}',
    '{{}}', '{json.dumps(traits)}')"""  # noqa: S608


LEAD_OF_BEFORE = (
    f"""INSERT INTO leads (id, stage, stage_since, scores, tally, traits, last_seen_at, event_count, model_version,
    created_at, updated_at) VALUES ({LEAD}, 'all', {THEN}, '{{}}', '{{}}', '{TRAITS}', {THEN}, 3, 1, {THEN}, {THEN})""",  # noqa: S608
    f"INSERT INTO identities VALUES ('user_id:u1', {LEAD}, {THEN})",  # noqa: S608
    _event(1, {"size": 100}, trusted=True),
    _event(2, {"size": 500}, trusted=True),
    _event(3, {"size": 1, "plan": "free"}, trusted=False),
    _event(4, {}, trusted=True),
)
MODEL = json.dumps({"name": "old", "scores": {"zeal": {}, "fit": {}, "aim": {}}, "stages": [{"name": "all"}]})
LISTED_BEFORE = (
    f"INSERT INTO models (version, document, created_at) VALUES (1, '{MODEL}', {THEN})",  # noqa: S608
    f"""INSERT INTO leads (id, stage, stage_since, scores, tally, traits, last_seen_at, event_count, model_version,
    next_check_on, created_at, updated_at) VALUES ({LEAD}, 'all', {THEN}, '{{"aim": 90, "fit": -1, "zeal": 42.5}}',
    '{{}}', '{{}}', {THEN}, 3, 1, '2099-01-01', {THEN}, {THEN})""",  # noqa: S608
    f"INSERT INTO identities VALUES ('email:ada@example.com', {LEAD}, {THEN})",  # noqa: S608
    f"INSERT INTO identities VALUES ('user_id:u1', {LEAD}, {THEN})",  # noqa: S608
)
