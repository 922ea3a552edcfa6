"""The database: transactions, what its errors mean, and what makes SQLite and PostgreSQL one."""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext, suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Unavailable
from app.storage import rollouts as rollout_store
from app.storage.db import BadValue, Conflict, Database, driver_of
from app.storage.statements import Statement
from app.storage.tables import keys, models, rollouts
from tests.storage.rows import NOW, add_model, fail_over, key_row, model_row


async def versions(database: Database) -> list[int]:
    async with database.read() as connection:
        return list((await connection.execute(select(models.c.version).order_by(models.c.version))).scalars())


# --- Transactions -----------------------------------------------------------------------------------------------


async def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as connection:
            await connection.execute(insert(models), [model_row(1)])
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert await versions(database) == []


async def test_an_error_that_is_ignored_inside_a_write_does_not_go_unnoticed(postgres_url: str) -> None:
    database = Database(postgres_url)

    async def ignore() -> None:
        async with database.write() as connection:
            await connection.execute(insert(models), [model_row(1)])
            with suppress(SQLAlchemyError):
                await connection.execute(text("SELECT 1 / 0"))

    with pytest.raises(RuntimeError, match="Nothing was written"):
        await ignore()
    assert await versions(database) == []
    await database.close()


async def test_only_single_reads_and_routine_writes_keep_plans(postgres_url: str) -> None:
    database = Database(postgres_url, pool_size=1)
    keep, plan = ("force_generic_plan", "off"), ("force_custom_plan", "on")
    for begin, expected in (
        (database.read_once, keep),
        (database.read, plan),
        (database.write, plan),
        (partial(database.write, routine=True), keep),
        (database.read_once, keep),
    ):
        async with begin() as connection:
            modes = [await connection.execute(text(f"SHOW {name}")) for name in ("plan_cache_mode", "enable_seqscan")]
        assert tuple(mode.scalar_one() for mode in modes) == expected
    await database.close()


async def test_closing_a_connection_ends_however_often_it_is_cancelled(sqlite_url: str) -> None:
    database, running, may_end = Database(sqlite_url), threading.Event(), threading.Event()

    def pause() -> None:
        running.set()
        may_end.wait()

    async def read() -> None:
        async with database.read() as connection:
            await driver_of(connection).create_function("pause", 0, pause)
            await connection.execute(text("SELECT pause()"))

    before = asyncio.all_tasks()
    task = asyncio.create_task(read())
    await asyncio.to_thread(running.wait)
    for _ in range(5):
        task.cancel()
        await asyncio.sleep(0)
    closing = asyncio.all_tasks() - before - {task}
    may_end.set()
    assert len(closing) > 0
    assert (await asyncio.wait(closing, timeout=10))[1] == set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.close()


def test_the_thread_of_a_connection_that_failed_to_open_ends_before_the_event_loop(tmp_path: Path) -> None:
    async def fail() -> None:
        database = Database(f"sqlite+aiosqlite:///{tmp_path}/missing/leadscore.db")
        with pytest.raises(Unavailable):
            async with database.read_once():
                pass
        await database.close()

    for _ in range(100):  # pytest reports what a thread raises
        asyncio.run(fail())


async def test_a_connection_to_sqlite_that_was_closed_is_replaced(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    async with database.read() as connection:
        driver = driver_of(connection)
    await driver.close()
    await add_model(database)
    assert await versions(database) == [1]
    await database.close()


async def by_statement(connection: AsyncConnection) -> object:
    return await rollout_store.active(connection)


async def by_sqlalchemy(connection: AsyncConnection) -> object:
    return await connection.execute(select(models.c.version))


@pytest.mark.parametrize("ask", [by_statement, by_sqlalchemy])
@pytest.mark.parametrize("transaction", [Database.read, Database.read_once, Database.write])
async def test_a_connection_to_sqlite_that_is_closed_while_it_is_used_is_an_outage(
    sqlite_url: str,
    ask: Callable[[AsyncConnection], Awaitable[object]],
    transaction: Callable[[Database], AbstractAsyncContextManager[AsyncConnection]],
) -> None:
    database = Database(sqlite_url)

    async def close_and_ask() -> None:
        async with transaction(database) as connection:
            await driver_of(connection).close()
            await ask(connection)

    with pytest.raises(Unavailable):
        await close_and_ask()
    await add_model(database)
    assert await versions(database) == [1]
    await database.close()


async def test_a_value_error_in_a_transaction_is_no_outage(database: Database) -> None:
    async def fail() -> None:
        async with database.read():
            msg = "of our own"
            raise ValueError(msg)

    with pytest.raises(ValueError, match="of our own"):
        await fail()


async def test_twenty_who_read_and_then_write_count_to_twenty(database: Database) -> None:
    await add_model(database, document={"count": 0})

    async def increment() -> None:
        async with database.write() as connection:
            query = select(models.c.document).with_for_update()
            count = (await connection.execute(query)).scalar_one()["count"]
            await connection.execute(update(models).values(document={"count": count + 1}))

    await asyncio.gather(*(increment() for _ in range(20)))
    async with database.read() as connection:
        assert (await connection.execute(select(models.c.document))).scalar_one() == {"count": 20}


async def test_all_that_a_read_sees_is_of_one_moment(database: Database) -> None:
    query = select(models.c.version)
    async with database.read() as connection:
        before = (await connection.execute(query)).scalars().all()
        await add_model(database)
        assert (await connection.execute(query)).scalars().all() == before == []
    assert await versions(database) == [1]


async def test_a_connection_that_has_read_writes_what_others_see(database: Database) -> None:
    for version in (1, 2, 3):
        assert await versions(database) == list(range(1, version))
        await add_model(database, version)


async def test_every_connection_to_sqlite_is_durable_and_checks_foreign_keys(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(database.read()) for _ in range(5)]
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = [
            tuple([(await connection.execute(text(f"PRAGMA {name}"))).scalar() for name in names])
            for connection in connections
        ]
    await database.close()
    assert found == [("wal", 2, 1, 10_000)] * 5


async def test_a_write_to_sqlite_takes_the_lock_when_it_begins(sqlite_url: str) -> None:
    database, other = Database(sqlite_url), Database(sqlite_url)
    _impatient(other)
    async with database.write():
        assert await versions(other) == []  # readers do not wait
        with pytest.raises(Unavailable):
            await add_model(other)
    await database.close()
    await other.close()


async def test_a_new_file_that_another_process_is_writing_is_waited_for(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/new.db")
    other = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # while it lasts, SQLite refuses at once to change the file to WAL
    writing = asyncio.create_task(_create_table(database))
    await asyncio.sleep(0.2)
    assert not writing.done()
    other.execute("COMMIT")
    other.close()
    await writing
    await database.close()


async def _create_table(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE made (id INTEGER)"))


def _impatient(database: Database) -> None:
    @sqlalchemy_event.listens_for(database.engine.sync_engine, "connect")
    def _set_timeout(connection: object, _entry: object) -> None:
        connection.cursor().execute("PRAGMA busy_timeout = 1")  # type: ignore[attr-defined]


# --- What errors mean -------------------------------------------------------------------------------------------


async def test_a_row_that_is_there_already_is_a_conflict(database: Database) -> None:
    await add_model(database)
    with pytest.raises(Conflict):
        await add_model(database)


async def test_a_reference_to_nothing_is_a_conflict(database: Database) -> None:
    row = {"id": 1, "version": 7, "published_at": NOW, "notify": False, "leads": 0}
    with pytest.raises(Conflict):
        async with database.write() as connection:
            await connection.execute(insert(rollouts), [row])


@pytest.mark.parametrize(
    "fields",
    [{"name": "\ud800"}, {"origins": ["\ud800"]}, {"origins": [2**70]}, {"origins": [float("inf"), "\ud800"]}],
    ids=["surrogate", "surrogate in JSON", "large integer in JSON", "several"],
)
async def test_a_value_that_no_database_holds_is_a_bad_value(database: Database, fields: dict[str, object]) -> None:
    with pytest.raises(BadValue):
        async with database.write() as connection:
            await connection.execute(insert(keys), [key_row(**fields)])


@pytest.mark.parametrize("fields", [{"name": "x\0"}, {"name": "x" * 101}], ids=["NUL", "too long"])
async def test_a_value_that_postgres_refuses_is_a_bad_value(postgres_url: str, fields: dict[str, object]) -> None:
    database = Database(postgres_url)
    with pytest.raises(BadValue):
        async with database.write() as connection:
            await connection.execute(insert(keys), [key_row(**fields)])
    await database.close()


async def test_a_statement_that_is_wrong_is_our_fault_and_stays_what_it_is(database: Database) -> None:
    with pytest.raises(SQLAlchemyError):
        async with database.read() as connection:
            await connection.execute(text("SELECT nothing FROM nowhere"))


async def test_errors_do_not_tell_the_values(database: Database) -> None:
    with pytest.raises(SQLAlchemyError) as raised:
        async with database.read() as connection:
            await connection.execute(text("SELECT :email FROM nowhere"), {"email": "ada@example.com"})
    assert "ada@example.com" not in str(raised.value)


@pytest.mark.parametrize("url", ["postgresql+asyncpg://x@127.0.0.1:1/x", "sqlite+aiosqlite:////nowhere/x.db"])
async def test_a_database_that_is_not_there_is_unavailable(url: str) -> None:
    database, threads = Database(url), set(threading.enumerate())
    with pytest.raises(Unavailable):
        await versions(database)
    await database.close()
    for thread in set(threading.enumerate()) - threads:  # aiosqlite leaves one that still has to hear of the failure
        if "connection_worker" in thread.name:
            await asyncio.to_thread(thread.join)


@pytest.mark.parametrize("sqlstate", ["57P03", "53300"], ids=["starting", "too many connections"])
async def test_a_server_that_takes_nobody_is_unavailable(sqlstate: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)  # asks for TLS
        writer.write(b"N")
        await reader.read(1_000)  # says who it is
        fields = f"SFATAL\0VFATAL\0C{sqlstate}\0Mnot now\0\0".encode()
        writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        database = Database(f"postgresql+asyncpg://x@127.0.0.1:{server.sockets[0].getsockname()[1]}/x")
        with pytest.raises(Unavailable):
            await versions(database)
        await database.close()


async def test_an_exhausted_pool_is_unavailable(postgres_url: str) -> None:
    database = Database(postgres_url, pool_size=1, pool_timeout_s=0.01)
    async with database.read():
        with pytest.raises(Unavailable):
            await versions(database)
    assert await versions(database) == []
    await database.close()


async def test_a_lock_that_is_not_free_is_a_conflict(postgres_url: str) -> None:
    database = Database(postgres_url)
    async with database.write() as connection:
        await connection.execute(text("LOCK TABLE models"))
        with pytest.raises(Conflict):
            async with database.write() as other:
                await other.execute(text("LOCK TABLE models NOWAIT"))
    await database.close()


async def test_no_two_connections_name_their_prepared_statements_alike(postgres_url: str) -> None:
    names: list[str] = []
    for _ in range(2):
        database = Database(postgres_url)
        async with database.read() as connection:
            await connection.execute(select(models.c.version))
            rows = await connection.execute(text("SELECT name FROM pg_prepared_statements"))
            names += [row.name for row in rows]
        await database.close()
    assert len(names) == len(set(names)) > 2


async def test_a_pooler_that_mixes_up_prepared_statements_is_named(postgres_url: str) -> None:
    async def ask_on_another_connection() -> None:
        async with database.read() as connection:
            await connection.execute(select(models.c.version))
            await driver_of(connection).execute("DEALLOCATE ALL")  # which is how it looks
            await connection.execute(select(models.c.version))

    database = Database(postgres_url)
    with pytest.raises(Unavailable) as refused:
        await ask_on_another_connection()
    assert "max_prepared_statements" in str(refused.value.reason)
    await database.close()


@pytest.mark.parametrize(("seconds", "outcome"), [(0.1, "did not answer in time"), (None, None)])
async def test_a_statement_has_as_long_as_it_is_given(postgres_url: str, seconds: float | None, outcome: str) -> None:
    database = Database(postgres_url, statement_timeout_s=seconds)
    with pytest.raises(Unavailable, match=outcome) if outcome else nullcontext():
        async with database.read() as connection:
            await connection.execute(text("SELECT pg_sleep(0.5)"))
    await database.close()


async def test_a_server_that_became_read_only_is_unavailable_and_its_connections_are_left(postgres_url: str) -> None:
    database = Database(postgres_url)
    await fail_over(database)
    with pytest.raises(Unavailable):
        await add_model(database)
    await add_model(database)
    await asyncio.gather(*(add_model(database, version) for version in (2, 3, 4)))
    await database.close()


@pytest.mark.parametrize("directly", [False, True], ids=["through SQLAlchemy", "directly"])
async def test_a_table_that_another_replica_migrated_is_unavailable_once(postgres_url: str, *, directly: bool) -> None:
    database, other = Database(postgres_url), Database(postgres_url)
    statement = Statement(lambda _: select(keys.c.kind))

    async def kinds() -> None:
        async with database.read() as connection:
            await (statement.rows(connection) if directly else connection.execute(select(keys.c.kind)))

    await kinds()
    async with other.write() as connection:
        await connection.execute(text("ALTER TABLE keys ALTER COLUMN kind TYPE varchar(80)"))
    with pytest.raises(Unavailable):
        await kinds()
    await kinds()
    await database.close()
    await other.close()
