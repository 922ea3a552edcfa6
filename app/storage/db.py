"""The database: connections, transactions, and what its errors mean, on SQLite and on PostgreSQL.

Traps: SQLite's driver begins transactions too late (two writers could each read before the other writes), so `write`
uses BEGIN IMMEDIATE. SQLAlchemy is set to autocommit: only `read` and `write` begin transactions, never
`engine.begin()`. A restarting database causes many kinds of errors, which all become `Unavailable`.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
from sqlalchemy import Table, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import Unavailable
from app.storage.outages import OutageLog
from app.storage.sql import dumps
from app.storage.sqlite import look_after_connections

RACES = frozenset({"40001", "40P01", "55P03"})  # serialization failure, deadlock, lock not available
INTEGRITY = "23"  # a class: a row is missing, or exists already
BAD_VALUES = frozenset({"22", "54"})  # classes: data exception, program limit exceeded
OUT_OF_SERVICE = frozenset({"08", "28", "3D", "53", "55", "57", "58", "XX"})
"""Classes: connection, authorization, catalog, resources, not in the required state, operator, system, internal."""

READ_ONLY = "25006"  # after a failover
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, sqlite3.Error)
LOST = frozenset({"InterfaceError", "InternalClientError", "InvalidCachedStatementError"})
"""The driver's errors for an unusable connection; the last one occurs after another replica has migrated."""

CROSSED = frozenset({"26000", "42P05"})  # a prepared statement is missing, or exists already
POOLER = "a pooler mixes up prepared statements; PgBouncer needs max_prepared_statements > 0, or session mode"

PLAN_KINDS = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
KEEP_PLANS = ("plan_cache_mode = force_generic_plan", *(f"{kind} = off" for kind in PLAN_KINDS))
"""Settings for plans that suit tables of any size: a loop over what the statement is given, and an index for each."""

PLAN_FREELY = ("plan_cache_mode = force_custom_plan", *(f"{kind} = DEFAULT" for kind in PLAN_KINDS))
"""Settings for all else: a cached plan from when a table was small would scan all of it once it has grown."""

BEGIN_READ = "; SET LOCAL ".join(["BEGIN ISOLATION LEVEL REPEATABLE READ", *PLAN_FREELY])
BEGIN_WRITE = "; SET LOCAL ".join(["BEGIN ISOLATION LEVEL READ COMMITTED", *PLAN_FREELY])
BEGIN_ROUTINE = "; SET LOCAL ".join(["BEGIN ISOLATION LEVEL READ COMMITTED", *KEEP_PLANS])

SQLITE_FAILURES = ("locked", "readonly", "disk", "unable to open", "not a database", "malformed")
CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 30  # a hanging server counts as unavailable


class Conflict(Exception):
    """Another transaction came first. Nothing was written; retry the same work."""


class BadValue(Exception):
    """The database can't hold one of the values. Nothing was written."""


class Database:
    """Transactions on one database. Create one per process, and close it."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        pool_timeout_s: float = 5,
        statement_timeout_s: float | None = STATEMENT_TIMEOUT_S,
    ) -> None:
        self.engine = _engine(url, pool_size, pool_timeout_s, statement_timeout_s)
        # SQLite has one writer at a time. Its own waiting is unfair; this lock serves writers in order.
        self._turn: AbstractAsyncContextManager[None] = nullcontext() if self.is_postgres else asyncio.Lock()
        self._outages = OutageLog()
        self._generation = 0
        if self.is_postgres:
            event.listen(self.engine.sync_engine, "connect", self._note_generation)
            event.listen(self.engine.sync_engine, "checkout", self._check_generation)

    @property
    def is_postgres(self) -> bool:
        return self.engine.dialect.name == "postgresql"

    @property
    def is_writable(self) -> bool:
        """Whether this process's latest write did not fail for an outage."""
        return self._outages.is_writable

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads, from one snapshot. Raises `Unavailable`."""
        # The snapshot keeps leads from being merged away between two queries. SQLite always reads from one.
        begun = self._begun_on_postgres(BEGIN_READ) if self.is_postgres else self._begun_on_sqlite("BEGIN")
        with self._outages.watch("read"):
            async with _translated(), begun as connection:
                yield connection

    @asynccontextmanager
    async def read_once(self) -> AsyncIterator[AsyncConnection]:
        """A connection for a single query, which has a snapshot of its own. Raises `Unavailable`.

        The query must be able to find its rows through an index: PostgreSQL keeps its plan.
        """
        with self._outages.watch("read"):
            async with _translated(), self._connected() as connection:
                yield connection

    @asynccontextmanager
    async def write(self, *, routine: bool = False) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed when the block ends. Raises `Unavailable`, `Conflict` or `BadValue`.

        `routine`: it runs the same statements again and again, each of which can find its rows through an index.
        PostgreSQL then keeps their plans.
        """
        begin = BEGIN_ROUTINE if routine else BEGIN_WRITE
        begun = self._begun_on_postgres(begin) if self.is_postgres else self._begun_on_sqlite("BEGIN IMMEDIATE")
        with self._outages.watch("write"):
            async with self._turn, _translated(), begun as connection:
                yield connection

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def _begun_on_postgres(self, begin: str) -> AsyncIterator[AsyncConnection]:
        """A transaction below SQLAlchemy, shared by what it runs and by each `Statement`."""
        async with self._connected() as connection:
            driver, ended = driver_of(connection), False
            try:
                await driver.execute(begin)
                try:
                    yield connection
                except BaseException:
                    with suppress(*DRIVER_ERRORS, OSError):  # a dead connection's error would hide the cause
                        await driver.execute("ROLLBACK")
                        ended = True
                    raise
                outcome = await driver.execute("COMMIT")
                ended = True
                if outcome != "COMMIT":  # PostgreSQL's way to say that an earlier statement failed
                    msg = "Nothing was written: an error inside the transaction was ignored."
                    raise RuntimeError(msg)
            finally:
                if not ended:  # the connection's next transaction would become part of this one
                    await connection.invalidate()

    @asynccontextmanager
    async def _begun_on_sqlite(self, begin: str) -> AsyncIterator[AsyncConnection]:
        """A transaction that is over before the next one begins, whatever is cancelled.

        The connection's thread does all that it was asked to do, in that order, even if nobody waits for it any more.
        """
        async with self._connected() as connection:
            driver = driver_of(connection)
            try:
                await driver.execute_fetchall(begin)
                yield connection
                await driver.commit()
            except BaseException:
                with suppress(sqlite3.Error, ValueError):  # closed, because a statement of SQLAlchemy was cancelled
                    await driver.rollback()
                raise

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.connect() as connection:
            generation = self._generation
            try:
                yield connection
            except BaseException as error:
                if isinstance(classify_error(error), Unavailable):  # concurrent failures begin only one generation
                    self._generation = max(self._generation, generation + 1)
                raise

    def _note_generation(self, _connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        entry.info["generation"] = self._generation

    def _check_generation(self, _connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: object) -> None:
        """Replace closed connections, and those as old as a failed one: their server may be dead or read-only."""
        driver = entry.driver_connection
        if driver is None or driver.is_closed() or entry.info["generation"] < self._generation:
            raise DisconnectionError


def driver_of(connection: AsyncConnection) -> Any:
    """The driver's own connection, below SQLAlchemy's."""
    assert connection.sync_connection is not None  # noqa: S101 - it is open
    return connection.sync_connection.connection.driver_connection


async def keep_plans_of_checks(connection: AsyncConnection) -> None:
    """Call this before deleting many rows that others may refer to.

    For the rest of the transaction, PostgreSQL keeps plans. Otherwise it plans the check of each foreign key again for
    each row, which takes most of the time.
    """
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql("SET LOCAL plan_cache_mode = auto")


async def lock_writes(connection: AsyncConnection, table: Table) -> None:
    """Wait until no other transaction has changes of a table to commit; others then wait for this one. Reads go on.

    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")


def _engine(url: str, pool_size: int, pool_timeout_s: float, statement_timeout_s: float | None) -> AsyncEngine:
    common: dict[str, Any] = {"json_serializer": dumps, "json_deserializer": orjson.loads}
    common["hide_parameters"] = True  # an error's text is logged, and values are personal data
    if url.startswith("sqlite"):
        engine = create_async_engine(
            url,
            pool_size=5,
            max_overflow=0,
            pool_timeout=pool_timeout_s,
            isolation_level="AUTOCOMMIT",  # neither SQLAlchemy nor the driver begins transactions by itself
            skip_autocommit_rollback=True,
            **common,
        )
        look_after_connections(engine)
        return engine
    return create_async_engine(
        _for_asyncpg(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout_s,
        pool_use_lifo=True,
        isolation_level="AUTOCOMMIT",  # SQLAlchemy's view: transactions begin below it
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


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeoutError, OSError, *DRIVER_ERRORS) as error:
        if (meaning := classify_error(error)) is None:
            raise
        raise meaning from error
    except UnicodeEncodeError as error:  # from the driver, for half of a surrogate pair
        raise BadValue from error
    except StatementError as error:
        if isinstance(error.orig, TypeError | UnicodeEncodeError):  # a value that can't be written as JSON
            raise BadValue from error
        raise


def classify_error(error: BaseException) -> Exception | None:
    """Our exception for a database error from SQLAlchemy or a driver; None for any other error."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = str(getattr(cause, "sqlstate", None) or "")
    if state in RACES or state[:2] == INTEGRITY or isinstance(cause, sqlite3.IntegrityError):
        return Conflict()
    if state[:2] in BAD_VALUES:
        return BadValue()
    server_failed = state[:2] in OUT_OF_SERVICE or state == READ_ONLY or state in CROSSED
    sqlite_failed = isinstance(cause, sqlite3.Error) and any(word in str(cause) for word in SQLITE_FAILURES)
    lost = isinstance(cause, OSError | PoolTimeoutError) or type(cause).__name__ in LOST
    return _unavailable(cause) if server_failed or sqlite_failed or lost else None


def _unavailable(error: BaseException | None) -> Unavailable:
    msg = "The database can't be reached or can't accept writes at the moment. Send the same request again."
    if isinstance(error, TimeoutError):
        msg = "The database did not answer in time. Request less, or send the same request again later."
    reason = str(error).partition("\n")[0] or type(error).__name__
    return Unavailable(msg, reason=f"{reason} ({POOLER})" if getattr(error, "sqlstate", None) in CROSSED else reason)
