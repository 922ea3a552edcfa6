"""Statements that go past SQLAlchemy: the same rows, the same transaction, the same errors."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Unavailable
from app.storage.db import BadValue, Conflict, Database, driver_of
from app.storage.sql import any_of_param, insert_rows
from app.storage.statements import Statement
from app.storage.tables import identities, keys, models, transitions
from tests.api.harness import until
from tests.storage.rows import NOW, add_model, fail_over, key_row

INSERT = Statement(partial(insert_rows, keys))
HASHES = Statement(lambda _: select(keys.c.id, keys.c.hash).order_by(keys.c.hash).limit(2))
AMONG_HASHES = Statement(lambda _: select(keys.c.name).where(any_of_param(keys.c.hash, "wanted")))
SLEEP = Statement(lambda _: select(func.pg_sleep(30)))


def full_row(number: int, **fields: object) -> dict[str, object]:
    nothing = dict.fromkeys(("origins", "events", "revoked_at"))
    return key_row(id=f"00000000-0000-0000-0000-{number:012}", hash=f"h{number}") | nothing | fields


async def hashes(database: Database) -> list[str]:
    async with database.read() as connection:
        return [row.hash for row in await HASHES.rows(connection)]


async def test_rows_are_told_by_place_and_by_column(database: Database) -> None:
    async with database.write() as connection:
        assert len(await INSERT.rows(connection, rows=[full_row(number) for number in (3, 1, 2)])) == 0
        (first, second) = await HASHES.rows(connection)
    assert (first[1], first.hash, str(second.id)) == ("h1", "h1", "00000000-0000-0000-0000-000000000002")


async def test_values_are_given_by_name(database: Database) -> None:
    async with database.write() as connection:
        await INSERT.rows(connection, rows=[full_row(1, name="one"), full_row(2, name="two")])
        assert [row.name for row in await AMONG_HASHES.rows(connection, wanted=["h2", "h9"])] == ["two"]
        assert len(await AMONG_HASHES.rows(connection, wanted=[])) == 0


async def test_values_have_to_be_those_that_it_takes(database: Database) -> None:
    async with database.read() as connection:
        for wrong in ({}, {"wnted": ["h1"]}, {"wanted": ["h1"], "more": 1}):
            with pytest.raises(TypeError, match="wanted"):
                await AMONG_HASHES.rows(connection, **wrong)


async def test_they_share_the_transaction_with_all_others(database: Database) -> None:
    async with database.write() as connection:
        await INSERT.rows(connection, rows=[full_row(1)])
        assert (await connection.execute(select(keys.c.hash))).scalars().all() == ["h1"]
        assert await hashes(database) == []
    assert await hashes(database) == ["h1"]


async def test_what_fails_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as connection:
            await INSERT.rows(connection, rows=[full_row(1)])
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert await hashes(database) == []


async def test_what_they_read_is_of_one_moment(database: Database) -> None:
    async with database.read() as connection:
        assert len(await HASHES.rows(connection)) == 0
        async with database.write() as other:
            await INSERT.rows(other, rows=[full_row(1)])
        assert len(await HASHES.rows(connection)) == 0
        assert (await connection.execute(select(keys.c.hash))).all() == []


async def test_a_row_against_the_rules_of_its_table_is_a_conflict(database: Database) -> None:
    link = {"identity": "user_id:u", "lead_id": "00000000-0000-0000-0000-000000000001", "linked_at": NOW}
    for table, row in ((keys, full_row(1)), (identities, link)):
        insert = Statement(partial(insert_rows, table))
        with pytest.raises(Conflict):
            async with database.write() as connection:
                await insert.rows(connection, rows=[row, row])
    with pytest.raises(Conflict):
        async with database.write() as connection:
            await INSERT.rows(connection, rows=[full_row(1, name=None)])
    assert await hashes(database) == []


@pytest.mark.parametrize("name", ["\ud800", {"set"}], ids=["surrogate", "no JSON"])
async def test_a_value_that_is_no_json_is_a_bad_value(database: Database, name: object) -> None:
    with pytest.raises(BadValue):
        async with database.write() as connection:
            await INSERT.rows(connection, rows=[full_row(1, name=name)])
    assert await hashes(database) == []


async def test_half_a_surrogate_pair_among_values_is_a_bad_value(database: Database) -> None:
    with pytest.raises(BadValue):
        async with database.read() as connection:
            await AMONG_HASHES.rows(connection, wanted=["\ud800"])


@pytest.mark.parametrize("name", ["x\0", "x" * 101], ids=["NUL", "too long"])
async def test_a_value_that_postgres_refuses_is_a_bad_value(postgres_url: str, name: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(BadValue):
        async with database.write() as connection:
            await INSERT.rows(connection, rows=[full_row(1, name=name)])
    assert await hashes(database) == []
    await database.close()


async def test_a_column_whose_type_reads_what_the_driver_gives_is_refused(postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(TypeError, match=r"models\.document"):
        async with database.read() as connection:
            await Statement(lambda _: select(models.c.document)).rows(connection)
    await database.close()


async def test_every_column_of_the_writers_rows_is_read_alike(database: Database) -> None:
    everything = Statement(lambda _: select(transitions))
    async with database.read() as connection:
        assert len(await everything.rows(connection)) == 0


async def test_a_server_that_became_read_only_is_unavailable_and_its_connections_are_left(postgres_url: str) -> None:
    database = Database(postgres_url)
    await fail_over(database)
    with pytest.raises(Unavailable):
        async with database.write() as connection:
            await INSERT.rows(connection, rows=[full_row(1)])
    await asyncio.gather(*(add_model(database, version) for version in (1, 2, 3)))
    await database.close()


async def until_asleep(database: Database, pid: int) -> None:
    """Wait until another connection's statement is at work."""
    query = text("SELECT 1 FROM pg_stat_activity WHERE pid = :pid AND state = 'active' AND query LIKE '%pg_sleep%'")
    async with asyncio.timeout(20):
        asleep = None
        while asleep is None:
            async with database.read() as connection:
                asleep = (await connection.execute(query, {"pid": pid})).first()


async def test_a_connection_that_is_lost_is_unavailable_and_is_left(postgres_url: str) -> None:
    database, other = Database(postgres_url), Database(postgres_url)
    pids: asyncio.Queue[int] = asyncio.Queue()
    sleeping = asyncio.create_task(sleep(database, pids))
    pid = await pids.get()
    await until_asleep(other, pid)
    async with other.write() as connection:
        await connection.execute(select(func.pg_terminate_backend(pid)))
    with pytest.raises(Unavailable) as raised:
        await sleeping
    assert "terminating connection due to administrator command" in str(raised.value.reason)
    assert await hashes(database) == []
    await database.close()
    await other.close()


async def test_connections_that_were_lost_while_nobody_used_them_cost_nothing(postgres_url: str) -> None:
    database, other = Database(postgres_url), Database(postgres_url)
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(database.write()) for _ in range(5)]
        drivers = [driver_of(connection) for connection in connections]
    async with other.write() as connection:
        for driver in drivers:
            await connection.execute(select(func.pg_terminate_backend(driver.get_server_pid())))
    await until(lambda: all(driver.is_closed() for driver in drivers))
    await asyncio.gather(*(add_model(database, version) for version in range(1, 9)))
    await database.close()
    await other.close()


async def test_whenever_a_transaction_is_cancelled_it_does_not_swallow_the_next(postgres_url: str) -> None:
    database, other = Database(postgres_url, pool_size=1), Database(postgres_url)
    versions = []
    for steps in range(60):  # of the event loop: in connecting, BEGIN, a statement, COMMIT, and after all of it
        task = asyncio.create_task(write_and_read(database))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await add_model(database, steps + 1)
        async with other.read() as connection:
            versions = list((await connection.execute(select(models.c.version))).scalars())
        assert steps + 1 in versions
    await database.close()
    await other.close()


async def through_a_statement(connection: AsyncConnection, number: int) -> None:
    await INSERT.rows(connection, rows=[full_row(number)])


async def through_sqlalchemy(connection: AsyncConnection, number: int) -> None:
    await connection.execute(insert(keys), [key_row(id=UUID(int=number + 1), hash=f"h{number}")])
    await connection.execute(select(keys.c.hash))


@pytest.mark.parametrize("store", [through_a_statement, through_sqlalchemy])
async def test_whenever_a_transaction_on_sqlite_is_cancelled_it_is_over_before_the_next(
    sqlite_url: str, store: Callable[[AsyncConnection, int], Awaitable[None]]
) -> None:
    async def write(number: int) -> None:
        async with database.write() as connection:
            await store(connection, number)

    database, ended = Database(sqlite_url), []  # these tasks refer to cursors, which would otherwise be closed sooner
    for steps in range(60):  # of the event loop: in BEGIN, a statement, COMMIT, ROLLBACK, and after all of it
        task = asyncio.create_task(write(2 * steps))
        for _ in range(steps):
            await asyncio.sleep(0)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        ended.append(task)
        await asyncio.gather(task, return_exceptions=True)
        await write(2 * steps + 1)
    async with database.read() as connection:
        stored = set((await connection.execute(select(keys.c.hash))).scalars())
    assert {f"h{2 * steps + 1}" for steps in range(60)} <= stored
    await database.close()


async def test_a_statement_on_sqlite_that_is_cancelled_while_it_runs_leaves_nothing(sqlite_url: str) -> None:
    database, running, may_end = Database(sqlite_url), threading.Event(), threading.Event()

    def pause() -> None:
        running.set()
        may_end.wait()

    async def write() -> None:
        async with database.write() as connection:
            await driver_of(connection).create_function("pause", 0, pause)
            await INSERT.rows(connection, rows=[full_row(1)])
            await Statement(lambda _: select(func.pause())).rows(connection)

    task = asyncio.create_task(write())
    await asyncio.to_thread(running.wait)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await add_model(database)
    assert await hashes(database) == []
    await database.close()


async def write_and_read(database: Database) -> None:
    async with database.write() as connection:
        await INSERT.rows(connection, rows=[])
        await connection.execute(select(models.c.version))


async def test_a_transaction_that_is_cancelled_again_while_it_is_rolled_back_does_not_swallow_the_next(
    postgres_url: str,
) -> None:
    database, other = Database(postgres_url, pool_size=1), Database(postgres_url)
    for cancellations in (1, 2, 3):
        pids: asyncio.Queue[int] = asyncio.Queue()
        task = asyncio.create_task(sleep(database, pids))
        await until_asleep(other, await pids.get())
        for _ in range(cancellations):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        await add_model(database, cancellations)
    async with other.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(models))).scalar_one() == 3
    await database.close()
    await other.close()


async def sleep(database: Database, pids: asyncio.Queue[int]) -> None:
    async with database.write() as connection:
        await pids.put(driver_of(connection).get_server_pid())
        await SLEEP.rows(connection)
