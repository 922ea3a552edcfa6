"""Connections to the database: opening them, keeping them between uses, and replacing the unusable."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.errors import Unavailable
from app.storage.errors import classify_error
from app.storage.sql import dumps
from app.storage.sqlite import is_running, look_after_connections

SQLITE_CONNECTIONS = 5
CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 30  # a hanging server counts as unavailable

PLAN_KINDS = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
KEEP_PLANS = ("plan_cache_mode = force_generic_plan", *(f"{kind} = off" for kind in PLAN_KINDS))
"""Settings for plans that suit tables of any size: a loop over what the statement is given, and an index for each."""


class Connections:
    """The connections of one process, opened when they are needed and kept. Create it once, and close it.

    SQLAlchemy opens them. Its pool took an eighth of the time for a lead (docs/decisions/0014), most of it to switch
    greenlets, which only opening needs.
    """

    def __init__(self, url: str, pool_size: int, pool_timeout_s: float, statement_timeout_s: float | None) -> None:
        self.engine = _sqlite_engine(url) if _is_sqlite(url) else _postgres_engine(url, statement_timeout_s)
        self._turns = asyncio.Semaphore(SQLITE_CONNECTIONS if _is_sqlite(url) else pool_size)
        self._timeout_s = pool_timeout_s
        self._idle: list[AsyncConnection] = []
        self._generation = 0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[AsyncConnection]:
        """A connection that nobody else uses meanwhile. Raises SQLAlchemy's `TimeoutError` if there is none in time."""
        await self._wait_for_turn()
        try:
            connection = await self._take()
            generation = connection.info["generation"]
            try:
                yield connection
            except BaseException as error:
                if isinstance(classify_error(error), Unavailable):  # concurrent failures begin only one generation
                    self._generation = max(self._generation, generation + 1)
                raise
            finally:
                self._idle.append(connection)
        finally:
            self._turns.release()

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()
        await self.engine.dispose()

    async def _wait_for_turn(self) -> None:
        if not self._turns.locked():  # a timeout costs more than the rest
            await self._turns.acquire()
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._turns.acquire()
        except TimeoutError:
            msg = f"all connections were in use for {self._timeout_s:g} s"
            raise PoolTimeoutError(msg) from None

    async def _take(self) -> AsyncConnection:
        while self._idle:
            connection = self._idle.pop()
            if self._is_usable(connection):
                return connection
            await asyncio.shield(asyncio.create_task(_discard(connection)))
        generation = self._generation
        connection = await self.engine.connect()
        connection.info["generation"] = generation
        return connection

    def _is_usable(self, connection: AsyncConnection) -> bool:
        """Whether a connection is open, and not as old as a failed one: its server may be dead or read-only."""
        is_open = not connection.invalidated and _is_open(driver_of(connection))
        return is_open and connection.info["generation"] >= self._generation


async def _discard(connection: AsyncConnection) -> None:
    await connection.invalidate()  # only this gives up on a server that doesn't answer
    await connection.close()


def _is_sqlite(url: str) -> bool:
    return url.startswith("sqlite")


def _is_open(driver: Any) -> bool:
    return not driver.is_closed() if isinstance(driver, asyncpg.Connection) else is_running(driver)


def driver_of(connection: AsyncConnection) -> Any:
    """The driver's own connection, below SQLAlchemy's."""
    assert connection.sync_connection is not None  # noqa: S101 - it is open
    return connection.sync_connection.connection.driver_connection


def _sqlite_engine(url: str) -> AsyncEngine:
    engine = _engine(url, skip_autocommit_rollback=True)
    look_after_connections(engine)
    return engine


def _postgres_engine(url: str, statement_timeout_s: float | None) -> AsyncEngine:
    return _engine(
        _for_asyncpg(url),
        connect_args={
            "async_creator_fn": _connect,
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": statement_timeout_s,
            "server_settings": {"application_name": "leadscore", "timezone": "UTC"},
        },
    )


def _engine(url: str | URL, **options: Any) -> AsyncEngine:
    return create_async_engine(
        url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",  # only `Database` begins transactions, below SQLAlchemy
        json_serializer=dumps,
        json_deserializer=orjson.loads,
        hide_parameters=True,  # an error's text is logged, and values are personal data
        **options,
    )


async def _connect(*where: Any, **options: Any) -> asyncpg.Connection:
    connection = await asyncpg.connect(*where, connection_class=_Connection, **options)
    try:
        # For `read_once`; transactions have their own settings. PgBouncer refuses these as startup parameters. They
        # come first, because PgBouncer accepts a connection before it has a server for it, and only a query's timeout
        # limits that wait.
        await connection.execute("; ".join(f"SET {each}" for each in KEEP_PLANS), timeout=CONNECT_TIMEOUT_S)
    except BaseException:
        connection.terminate()
        raise
    return connection


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """Gives its prepared statements unique names: behind a pooler, clients share a server's statements."""

    def _get_unique_id(self, prefix: str) -> str:
        return f"leadscore_{prefix}_{uuid4().hex}"


def _for_asyncpg(url: str) -> URL:
    """Rename `sslmode`, libpq's option in most URLs, to `ssl`, which asyncpg expects."""
    parts = make_url(url)
    mode = parts.query.get("sslmode")
    return parts.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode}) if mode else parts
