"""The database: connections, transactions, and every difference between SQLite and PostgreSQL.

Traps: SQLite's driver would begin transactions too late (two writers could each read before the other wrote), so a
write begins with BEGIN IMMEDIATE; and a database that restarts shows itself in many shapes, all of them `Unavailable`.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from sqlalchemy import DateTime, Dialect, TypeDecorator, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import Unavailable

Value = TypeVar("Value")

WRITE = "leadscore_write"
RACES = frozenset({"40001", "40P01", "55P03"})  # serialization failure, deadlock, lock not available
BAD_VALUES = frozenset({"22", "54"})  # classes: data exception, program limit exceeded
SQLITE_BUSY_MS = 10_000
STATEMENT_TIMEOUT_S = 30  # a server that hangs counts as one that is gone


class Conflict(Exception):
    """Another transaction came first. Nothing was written; the same work can be done anew."""


class BadValue(Exception):
    """The database can't hold one of the values. Nothing was written."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite has no zones, so they are dropped there on the way in and put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=None) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Database:
    """Transactions on one database. Make one for a process, and close it."""

    def __init__(self, url: str, *, pool_size: int = 10, pool_timeout_s: float = 5) -> None:
        self.engine = _engine(url, pool_size, pool_timeout_s)
        self._writing = self.engine.execution_options(**{WRITE: True})

    @property
    def is_postgres(self) -> bool:
        return self.engine.dialect.name == "postgresql"

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads. Raises `Unavailable`."""
        async with _translated(self.engine), self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed when the block ends. Raises `Unavailable`, `Conflict` or `BadValue`."""
        async with _translated(self.engine), self._writing.begin() as connection:
            yield connection

    async def close(self) -> None:
        await self.engine.dispose()


def dumps(value: Any) -> str:
    """JSON as it is stored: keys sorted, so that equal values are equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def padded(values: Collection[Value]) -> list[Value]:
    """A list for `IN`, filled with its last value to a power of two: few lengths are few statements to prepare."""
    items = list(values)
    missing = (1 << max(len(items) - 1, 0).bit_length()) - len(items)
    return items + items[-1:] * missing


def _engine(url: str, pool_size: int, pool_timeout_s: float) -> AsyncEngine:
    common: dict[str, Any] = {"json_serializer": dumps, "json_deserializer": orjson.loads}
    if url.startswith("sqlite"):
        engine = create_async_engine(url, pool_size=5, max_overflow=0, pool_timeout=pool_timeout_s, **common)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout_s,
        pool_use_lifo=True,
        connect_args={
            "timeout": 5,
            "command_timeout": STATEMENT_TIMEOUT_S,
            "server_settings": {"application_name": "leadscore", "timezone": "UTC"},
        },
        **common,
    )


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins no transaction by itself
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={SQLITE_BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get(WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@asynccontextmanager
async def _translated(engine: AsyncEngine) -> AsyncIterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Conflict from error
    except DBAPIError as error:
        if (translated := _meaning_of(error)) is None:
            raise
        if isinstance(translated, Unavailable):
            await engine.dispose(close=False)  # other pooled connections may lead to the same dead or read-only server
        raise translated from error
    except (PoolTimeoutError, OSError, TimeoutError) as error:
        raise _unavailable() from error


def _meaning_of(error: DBAPIError) -> Exception | None:
    state = str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or "")
    if state in RACES:
        return Conflict()
    if state[:2] in BAD_VALUES:
        return BadValue()
    text = str(error.orig)
    sqlite_failed = any(word in text for word in ("locked", "readonly", "disk", "unable to open"))
    # 08: connection, 53: resources, 57: operator intervention (shutdown, starting), 25006: read-only after a failover
    server_failed = state[:2] in {"08", "53", "57", "58", "XX"} or state == "25006"
    lost = error.connection_invalidated or type(error.orig).__name__ in {"InterfaceError", "InternalClientError"}
    return _unavailable() if sqlite_failed or server_failed or lost else None


def _unavailable() -> Unavailable:
    return Unavailable("The database can't be reached or takes no writes just now. Send the same request again.")
