"""Connections: how many there are, who gets one, and which are used again."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.errors import Unavailable
from app.storage.db import Database, driver_of

ONE = text("SELECT 1")
OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


async def test_more_readers_than_connections_wait_for_each_other(database: Database) -> None:
    used = set()

    async def read() -> None:
        async with database.read() as connection:
            used.add(driver_of(connection))
            await asyncio.sleep(0)
            await connection.execute(ONE)

    for _ in range(3):
        await asyncio.gather(*(read() for _ in range(50)))
    assert 1 < len(used) <= 10


async def test_a_connection_is_used_again_after_an_error(database: Database) -> None:
    used = set()
    for _ in range(3):
        with suppress(KeyError, SQLAlchemyError):
            async with database.write() as connection:
                used.add(driver_of(connection))
                raise KeyError
        with suppress(SQLAlchemyError):
            async with database.read_once() as connection:
                used.add(driver_of(connection))
                await connection.execute(text("SELECT nothing FROM nowhere"))
    assert len(used) == 1


async def test_a_connection_that_was_invalidated_is_not_used_again(database: Database) -> None:
    async with database.read_once() as connection:
        first = driver_of(connection)
        await connection.invalidate()
    async with database.read_once() as connection:
        assert driver_of(connection) is not first
        await connection.execute(ONE)


async def test_who_gives_up_waiting_for_a_connection_takes_none_from_others(postgres_url: str) -> None:
    database = Database(postgres_url, pool_size=1, pool_timeout_s=0.2)

    async def read() -> None:
        async with database.read_once() as connection:
            await connection.execute(ONE)

    async with database.read_once():
        cancelled, refused = asyncio.create_task(read()), asyncio.create_task(read())
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        with pytest.raises(Unavailable):
            await refused
    await asyncio.gather(read(), read())
    await database.close()


async def test_connections_that_fail_at_once_are_replaced_before_they_fail_again(postgres_url: str) -> None:
    database, other = Database(postgres_url, pool_size=4), Database(postgres_url)

    async def read(meet: asyncio.Barrier) -> None:
        async with database.read_once() as connection:
            await connection.execute(ONE)
            await meet.wait()  # until all are in use
            await meet.wait()
            await connection.execute(ONE)

    async def kill_all(meet: asyncio.Barrier) -> None:
        await meet.wait()
        async with other.read_once() as connection:
            await connection.execute(text(f"SELECT pg_terminate_backend(pid, 5000) {OTHERS}"))
        await meet.wait()

    five, four = asyncio.Barrier(5), asyncio.Barrier(4)
    *results, _ = await asyncio.gather(*(read(five) for _ in range(4)), kill_all(five), return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable] * 4
    await asyncio.gather(*(read(four) for _ in range(4)))
    await database.close()
    await other.close()


async def test_no_connection_is_left_when_the_database_is_closed(postgres_url: str) -> None:
    database, other = Database(postgres_url), Database(postgres_url)
    async with database.read(), database.read(), database.write():
        pass
    await database.close()
    async with other.read_once() as connection:
        for _ in range(100):
            if not (left := (await connection.execute(text(f"SELECT count(*) {OTHERS}"))).scalar_one()):
                break
            await asyncio.sleep(0.05)
    assert left == 0
    await other.close()
