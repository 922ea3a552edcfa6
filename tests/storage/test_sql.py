"""SQL for both databases: values that come back as they were, and any number of them in one statement."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, literal, select

from app.storage.db import Database
from app.storage.sql import UtcDateTime, any_of_values, dumps
from app.storage.tables import identities, keys, leads, models
from tests.storage.rows import NOW, add_model, key_row


async def test_however_many_values_are_asked_for_they_are_one_parameter(database: Database) -> None:
    for number in (1, 2, 3):
        await add_model(database, number)
    everywhere = [*range(2, 70_000)]  # asyncpg and SQLite take some 32,767 parameters
    async with database.read() as connection:
        query = select(models.c.version).where(any_of_values(models.c.version, everywhere)).order_by(models.c.version)
        assert list((await connection.execute(query)).scalars()) == [2, 3]
        assert (
            await connection.execute(select(models.c.version).where(any_of_values(models.c.version, [])))
        ).all() == []


async def test_whom_an_index_leads_to_is_not_looked_for_row_by_row(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    query = (
        select(leads.c.id, identities.c.identity).join(identities).where(any_of_values(identities.c.identity, ["a"]))
    )
    plan = f"EXPLAIN QUERY PLAN {query.compile(database.engine.sync_engine)}"
    async with database.read() as connection:
        steps = [row.detail for row in await connection.exec_driver_sql(plan, ("[]",))]
    await database.close()
    assert [step for step in steps if step.startswith("SCAN")] == ["SCAN json_each VIRTUAL TABLE INDEX 1:"]


async def test_ids_and_texts_are_found_among_others_of_their_type(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert(keys), [key_row()])
    async with database.read() as connection:
        for column, value, other in ((keys.c.id, UUID(int=1), UUID(int=2)), (keys.c.name, "x", 'O\'Hara, "y" {z}')):
            query = select(keys.c.name)
            assert (await connection.execute(query.where(any_of_values(column, [value, other])))).scalars().all() == [
                "x"
            ]
            assert (await connection.execute(query.where(any_of_values(column, {other})))).scalars().all() == []


def test_equal_values_are_equal_bytes() -> None:
    assert dumps({"b": 1, "a": {"d": 1, "c": "é"}}) == dumps({"a": {"c": "é", "d": 1}, "b": 1})


@pytest.mark.parametrize(
    "moment",
    [
        NOW,
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    ],
    ids=str,
)
async def test_moments_come_back_as_they_were_in_utc(database: Database, moment: datetime) -> None:
    await add_model(database, created_at=moment)
    async with database.read() as connection:
        found = (await connection.execute(select(models.c.created_at))).scalar_one()
        compared = (await connection.execute(select(models.c.version).where(models.c.created_at == moment))).scalar()
    assert (found, found.tzinfo is not None and found.utcoffset(), compared) == (moment, timedelta(), 1)


async def test_no_moment_is_no_moment(database: Database) -> None:
    async with database.read() as connection:
        assert (await connection.execute(select(literal(None, UtcDateTime)))).scalar() is None


async def test_json_comes_back_as_it_was(database: Database) -> None:
    document = {"text": "Köln 🚀\u2028", "numbers": [1, 1.0, 0.1, -(2**63), 2**63 - 1], "none": None, "": {"x": [True]}}
    await add_model(database, document=document)
    async with database.read() as connection:
        found = (await connection.execute(select(models.c.document))).scalar_one()
    assert dumps(found) == dumps(document)
