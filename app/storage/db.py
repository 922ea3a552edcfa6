"""The database: connections, transactions, and what its errors mean, on SQLite and on PostgreSQL.

Traps: SQLite's driver would begin transactions too late (two writers could each read before the other wrote), so a
write begins with BEGIN IMMEDIATE. On PostgreSQL, SQLAlchemy believes in autocommit: `read` and `write` alone begin
transactions, never `engine.begin()`. And a database that restarts shows itself in many shapes, all `Unavailable`.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from time import monotonic
from typing import Any
from uuid import uuid4

import aiosqlite
import asyncpg
import orjson
from sqlalchemy import event
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import Unavailable
from app.storage.outages import OutageLog
from app.storage.sql import dumps

WRITE = "leadscore_write"
RACES = frozenset({"40001", "40P01", "55P03"})  # serialization failure, deadlock, lock not available
INTEGRITY = "23"  # a class: a row that is gone, or there already
BAD_VALUES = frozenset({"22", "54"})  # classes: data exception, program limit exceeded
OUT_OF_SERVICE = frozenset({"08", "28", "3D", "53", "55", "57", "58", "XX"})
"""Classes: connection, authorization, catalog, resources, not in the required state, operator, system, internal."""

READ_ONLY = "25006"  # after a failover
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
LOST = frozenset({"InterfaceError", "InternalClientError", "InvalidCachedStatementError"})
"""What the driver says of a connection that is of no more use; the last after another replica has migrated."""

CROSSED = frozenset({"26000", "42P05"})  # a prepared statement that is not there, or is another's
POOLER = "a pooler mixes up prepared statements; PgBouncer needs max_prepared_statements > 0, or session mode"

SQLITE_FAILURES = ("locked", "readonly", "disk", "unable to open", "not a database", "malformed")
SQLITE_BUSY_MS = 10_000
CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 30  # a server that hangs counts as one that is gone


class Conflict(Exception):
    """Another transaction came first. Nothing was written; the same work can be done anew."""


class BadValue(Exception):
    """The database can't hold one of the values. Nothing was written."""


class Database:
    """Transactions on one database. Make one for a process, and close it."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        pool_timeout_s: float = 5,
        statement_timeout_s: float | None = STATEMENT_TIMEOUT_S,
    ) -> None:
        self.engine = _engine(url, pool_size, pool_timeout_s, statement_timeout_s)
        self._writing = self.engine.execution_options(**{WRITE: True})
        # SQLite has one writer at a time. Who waits for it there is served by chance, here in turn.
        self._turn: AbstractAsyncContextManager[None] = nullcontext() if self.is_postgres else asyncio.Lock()
        self._outages = OutageLog()
        self._generation = 0
        if self.is_postgres:
            event.listen(self.engine.sync_engine, "connect", self._note_generation)
            event.listen(self.engine.sync_engine, "checkout", self._check_generation)

    @property
    def is_postgres(self) -> bool:
        return self.engine.dialect.name == "postgresql"

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads, all of it as of one moment. Raises `Unavailable`."""
        # So no lead is merged away between two of its queries. SQLite reads in that way in any case.
        begun = self._begun("repeatable_read") if self.is_postgres else self.engine.begin()
        with self._outages.watch("read"):
            async with _translated(), begun as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed when the block ends. Raises `Unavailable`, `Conflict` or `BadValue`."""
        begun = self._begun("read_committed") if self.is_postgres else self._writing.begin()
        with self._outages.watch("write"):
            async with self._turn, _translated(), begun as connection:
                yield connection

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def _begun(self, isolation: str) -> AsyncIterator[AsyncConnection]:
        """A transaction of PostgreSQL's driver, shared by `Statement` and all that SQLAlchemy runs."""
        async with self.engine.connect() as connection:
            driver, generation, ended = driver_of(connection), self._generation, False
            try:
                transaction = driver.transaction(isolation=isolation)
                await transaction.start()
                try:
                    yield connection
                except BaseException:
                    with suppress(*DRIVER_ERRORS, OSError):  # what it says of a dead connection would hide the cause
                        await transaction.rollback()
                        ended = True
                    raise
                await transaction.commit()
                ended = True
            except BaseException as error:
                if isinstance(classify_error(error), Unavailable):  # those that fail together begin one new generation
                    self._generation = max(self._generation, generation + 1)
                raise
            finally:
                if not ended:  # the next transaction on this connection would become a part of it
                    await connection.invalidate()

    def _note_generation(self, _connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        entry.info["generation"] = self._generation

    def _check_generation(self, _connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: object) -> None:
        """Replace what was closed, and what is as old as one that failed: the server may be dead or read-only."""
        driver = entry.driver_connection
        if driver is None or driver.is_closed() or entry.info["generation"] < self._generation:
            raise DisconnectionError


def driver_of(connection: AsyncConnection) -> Any:
    """The driver's own connection, below SQLAlchemy's."""
    assert connection.sync_connection is not None  # noqa: S101 - for it was opened
    return connection.sync_connection.connection.driver_connection


def _engine(url: str, pool_size: int, pool_timeout_s: float, statement_timeout_s: float | None) -> AsyncEngine:
    common: dict[str, Any] = {"json_serializer": dumps, "json_deserializer": orjson.loads}
    common["hide_parameters"] = True  # an error's text is logged, and values are personal data
    if url.startswith("sqlite"):
        engine = create_async_engine(url, pool_size=5, max_overflow=0, pool_timeout=pool_timeout_s, **common)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(
        _for_asyncpg(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout_s,
        pool_use_lifo=True,
        isolation_level="AUTOCOMMIT",  # as far as SQLAlchemy knows: transactions are begun below it
        connect_args={
            "async_creator_fn": _connect,
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": statement_timeout_s,
            "server_settings": {"application_name": "leadscore", "timezone": "UTC"},
        },
        **common,
    )


async def _connect(*where: Any, **options: Any) -> asyncpg.Connection:
    connection = await asyncpg.connect(*where, connection_class=_Connection, **options)
    try:
        # A plan made while a table was small, and kept, would read all of it when it has grown. Said here and not as
        # the connection starts, since PgBouncer would refuse it there; and before anything else, for PgBouncer lets
        # everybody in and then lets them wait.
        await connection.execute("SET plan_cache_mode = force_custom_plan", timeout=CONNECT_TIMEOUT_S)
    except BaseException:
        connection.terminate()
        raise
    return connection


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """Names its prepared statements like no other: behind a pooler, a name may meet a statement of somebody else's."""

    def _get_unique_id(self, prefix: str) -> str:
        return f"leadscore_{prefix}_{uuid4().hex}"


def _for_asyncpg(url: str) -> URL:
    """What libpq, and so everybody who hands out a URL, calls `sslmode`, asyncpg calls `ssl`."""
    parts = make_url(url)
    mode = parts.query.get("sslmode")
    return parts.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode}) if mode else parts


def _prepare_sqlite(connection: AsyncAdapt_aiosqlite_connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins no transaction by itself
    connection.run_async(_enable_wal)
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={SQLITE_BUSY_MS}", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def _enable_wal(connection: aiosqlite.Connection) -> None:
    """The first connection to a new file changes it. SQLite refuses the others meanwhile, however patient they are."""
    deadline = monotonic() + SQLITE_BUSY_MS / 1000
    while True:
        try:
            await connection.execute_fetchall("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            kind = error.sqlite_errorcode & 0xFF  # the other bits tell of what, such as of a recovery after a crash
            if kind != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            await asyncio.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get(WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeoutError, OSError, *DRIVER_ERRORS) as error:
        if (meaning := classify_error(error)) is None:
            raise
        raise meaning from error
    except UnicodeEncodeError as error:  # the driver, of half a surrogate pair
        raise BadValue from error
    except StatementError as error:
        if isinstance(error.orig, TypeError | UnicodeEncodeError):  # what can't be written as JSON
            raise BadValue from error
        raise


def classify_error(error: BaseException) -> Exception | None:
    """Of an error of the database, as SQLAlchemy or a driver raises it; None of any other."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = str(getattr(cause, "sqlstate", None) or "")
    if state in RACES or state[:2] == INTEGRITY or isinstance(error, IntegrityError):
        return Conflict()
    if state[:2] in BAD_VALUES:
        return BadValue()
    server_failed = state[:2] in OUT_OF_SERVICE or state == READ_ONLY or state in CROSSED
    sqlite_failed = isinstance(cause, sqlite3.Error) and any(word in str(cause) for word in SQLITE_FAILURES)
    lost = isinstance(cause, OSError | PoolTimeoutError) or type(cause).__name__ in LOST
    return _unavailable(cause) if server_failed or sqlite_failed or lost else None


def _unavailable(error: BaseException | None) -> Unavailable:
    msg = "The database can't be reached or takes no writes just now. Send the same request again."
    if isinstance(error, TimeoutError):
        msg = "The database did not answer in time. Ask for less, or send the same request again later."
    reason = str(error).partition("\n")[0] or type(error).__name__
    return Unavailable(msg, reason=f"{reason} ({POOLER})" if getattr(error, "sqlstate", None) in CROSSED else reason)
