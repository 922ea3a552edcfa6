"""The database: transactions on SQLite and on PostgreSQL.

Traps: SQLite's driver begins transactions too late (two writers could each read before the other writes), so `write`
uses BEGIN IMMEDIATE. SQLAlchemy is set to autocommit: only `read` and `write` begin transactions, never
`engine.begin()`.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.storage.connections import KEEP_PLANS, PLAN_KINDS, STATEMENT_TIMEOUT_S, Connections, driver_of
from app.storage.errors import DRIVER_ERRORS, BadValue, Conflict, classify_error, translated
from app.storage.outages import OutageLog

PLAN_FREELY = ("plan_cache_mode = force_custom_plan", *(f"{kind} = DEFAULT" for kind in PLAN_KINDS))
"""Settings for all else: a cached plan from when a table was small would scan all of it once it has grown."""

BEGIN_READ = "; SET LOCAL ".join(["BEGIN ISOLATION LEVEL REPEATABLE READ", *PLAN_FREELY])
BEGIN_WRITE = "; SET LOCAL ".join(["BEGIN ISOLATION LEVEL READ COMMITTED", *PLAN_FREELY])
BEGIN_ROUTINE = "; SET LOCAL ".join(["BEGIN ISOLATION LEVEL READ COMMITTED", *KEEP_PLANS])


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
        self._connections = Connections(url, pool_size, pool_timeout_s, statement_timeout_s)
        # SQLite has one writer at a time. Its own waiting is unfair; this lock serves writers in order.
        self._turn: AbstractAsyncContextManager[None] = nullcontext() if self.is_postgres else asyncio.Lock()
        self._outages = OutageLog()

    @property
    def engine(self) -> AsyncEngine:
        return self._connections.engine

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
            async with translated(), begun as connection:
                yield connection

    @asynccontextmanager
    async def read_once(self) -> AsyncIterator[AsyncConnection]:
        """A connection for a single query, which has a snapshot of its own. Raises `Unavailable`.

        The query must be able to find its rows through an index: PostgreSQL keeps its plan.
        """
        with self._outages.watch("read"):
            async with translated(), self._connections.one() as connection:
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
            async with self._turn, translated(), begun as connection:
                yield connection

    async def close(self) -> None:
        await self._connections.close()

    @asynccontextmanager
    async def _begun_on_postgres(self, begin: str) -> AsyncIterator[AsyncConnection]:
        """A transaction below SQLAlchemy, shared by what it runs and by each `Statement`."""
        async with self._connections.one() as connection:
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
        async with self._connections.one() as connection:
            driver = driver_of(connection)
            try:
                await driver.execute_fetchall(begin)
                yield connection
                await driver.commit()
            except BaseException:
                with suppress(sqlite3.Error, ValueError):  # closed, because a statement of SQLAlchemy was cancelled
                    await driver.rollback()
                raise


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


__all__ = ["BadValue", "Conflict", "Database", "classify_error", "driver_of"]
