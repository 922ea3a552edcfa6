"""The database: connections, transactions, and every difference between SQLite and PostgreSQL.

Traps: SQLite's driver would begin transactions too late (two writers could each read before the other wrote), so a
write begins with BEGIN IMMEDIATE; and a database that restarts shows itself in many shapes, all of them `Unavailable`.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

import aiosqlite
import orjson
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    String,
    Table,
    Text,
    TypeDecorator,
    Uuid,
    bindparam,
    event,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection
from sqlalchemy.engine import URL, Connection, ExceptionContext, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine

from app.errors import Unavailable

Value = TypeVar("Value")

WRITE = "leadscore_write"
RACES = frozenset({"40001", "40P01", "55P03"})  # serialization failure, deadlock, lock not available
BAD_VALUES = frozenset({"22", "54"})  # classes: data exception, program limit exceeded
OUT_OF_SERVICE = frozenset({"08", "28", "3D", "53", "55", "57", "58", "XX"})
"""Classes: connection, authorization, catalog, resources, not in the required state, operator, system, internal."""

READ_ONLY = "25006"  # after a failover
LOST = frozenset({"InterfaceError", "InternalClientError", "InvalidCachedStatementError"})
"""What the driver says of a connection that is of no more use; the last after another replica has migrated."""

SQLITE_FAILURES = ("locked", "readonly", "disk", "unable to open", "not a database", "malformed")
SQLITE_BUSY_MS = 10_000
STATEMENT_TIMEOUT_S = 30  # a server that hangs counts as one that is gone


class Conflict(Exception):
    """Another transaction came first. Nothing was written; the same work can be done anew."""


class BadValue(Exception):
    """The database can't hold one of the values. Nothing was written."""


class _AsText(TypeDecorator[Value]):
    """What SQLite has no type for is text there, written as in JSON and sorting as it should."""

    impl = String(36)
    cache_ok = True

    def __init__(self, write: Callable[[Value], str], read: Callable[[str], Value]) -> None:
        super().__init__()
        self.write = write
        self.read = read

    def process_bind_param(self, value: Value | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else self.write(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Value | None:  # noqa: ARG002
        return None if value is None else self.read(value)


def _utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


UtcDateTime = DateTime(timezone=True).with_variant(_AsText(_utc_text, datetime.fromisoformat), "sqlite")
"""A moment in UTC."""

Id = Uuid().with_variant(_AsText(str, UUID), "sqlite")
"""A UUID, of version 7: it sorts by when it was made."""


class OrderedJson(TypeDecorator[Any]):
    """JSON whose keys stay in the order in which they were written: a document for people."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002
        return orjson.dumps(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else orjson.loads(value)


class Database:
    """Transactions on one database. Make one for a process, and close it."""

    def __init__(self, url: str, *, pool_size: int = 10, pool_timeout_s: float = 5) -> None:
        self.engine = _engine(url, pool_size, pool_timeout_s)
        self._writing = self.engine.execution_options(**{WRITE: True})
        # All that a read sees is of one moment, so that no lead is merged away between two of its queries. That is
        # SQLite's way in any case.
        one_moment = {"isolation_level": "REPEATABLE READ"} if self.is_postgres else {}
        self._reading = self.engine.execution_options(**one_moment)
        # SQLite has one writer at a time. Who waits for it there is served by chance, here in turn.
        self._turn: AbstractAsyncContextManager[None] = nullcontext() if self.is_postgres else asyncio.Lock()

    @property
    def is_postgres(self) -> bool:
        return self.engine.dialect.name == "postgresql"

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads, all of it as of one moment. Raises `Unavailable`."""
        async with _translated(), self._reading.begin() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed when the block ends. Raises `Unavailable`, `Conflict` or `BadValue`."""
        async with self._turn, _translated(), self._writing.begin() as connection:
            yield connection

    async def close(self) -> None:
        await self.engine.dispose()


def dumps(value: Any) -> str:
    """JSON as it is stored: keys sorted, so that equal values are equal bytes."""
    return orjson.dumps(value, _id_text, orjson.OPT_SORT_KEYS).decode()


def _id_text(value: Any) -> str:
    if isinstance(value, UUID):  # asyncpg has a class of its own for them, which orjson does not know
        return str(value)
    raise TypeError


def insert_rows(table: Table, dialect: Dialect) -> Any:
    """`INSERT … SELECT` of the rows in the parameter `rows`, a list of mappings by column, in their order.

    However many they are, they are one parameter of one statement, which is prepared once. The statement is the
    dialect's own, so that `on_conflict_…` and `returning` can be added.
    """
    rows = bindparam("rows", type_=JSON)
    if dialect.name == "sqlite":
        each = func.json_each(rows).table_valued("value")
        values = [func.json_extract(each.c.value, f"$.{column.name}") for column in table.c]
        # WHERE, since without it SQLite reads ON CONFLICT as the condition of a join
        return sqlite.insert(table).from_select(table.c.keys(), select(*values).where(text("true")))
    typed = [Column(column.name, column.type) for column in table.c]
    record = func.json_to_recordset(rows).table_valued(*typed).render_derived(with_types=True)
    return postgresql.insert(table).from_select(table.c.keys(), select(*record.c))


class _ListOf(TypeDecorator[Sequence[Any]]):
    """Values of one type, as one parameter: an array, and in SQLite JSON."""

    impl = JSON
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(JSON() if dialect.name == "sqlite" else postgresql.ARRAY(self.item))


class _Among(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> Any:  # noqa: ARG002
        return self  # for SQLite, which has no booleans, it would become `… = 1`, and that uses no index


@compiles(_Among, "postgresql")
def _among_array(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **options)} = ANY ({compiler.process(values, **options)})"


@compiles(_Among, "sqlite")
def _among_json(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    listed = compiler.process(values, **options)
    return f"{compiler.process(column, **options)} IN (SELECT value FROM json_each({listed}))"  # noqa: S608 - a placeholder


def among(column: ColumnElement[Value], values: Iterable[Value]) -> ColumnElement[bool]:
    """Whether a column holds one of these values.

    However many they are, they are one parameter of one statement, where `IN` would have one for each: drivers take no
    more than some 30,000, and each length would be a statement to prepare.
    """
    return _Among(column, literal(list(values), _ListOf(column.type)))


def _engine(url: str, pool_size: int, pool_timeout_s: float) -> AsyncEngine:
    common: dict[str, Any] = {"json_serializer": dumps, "json_deserializer": orjson.loads}
    common["hide_parameters"] = True  # an error's text is logged, and values are personal data
    if url.startswith("sqlite"):
        engine = create_async_engine(url, pool_size=5, max_overflow=0, pool_timeout=pool_timeout_s, **common)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    engine = create_async_engine(
        _for_asyncpg(url),
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
    event.listen(engine.sync_engine, "connect", _prepare_postgres)
    event.listen(engine.sync_engine, "handle_error", _renew_connections)
    return engine


def _for_asyncpg(url: str) -> URL:
    """What libpq, and so everybody who hands out a URL, calls `sslmode`, asyncpg calls `ssl`."""
    parts = make_url(url)
    mode = parts.query.get("sslmode")
    return parts.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode}) if mode else parts


def _prepare_postgres(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # A plan made while a table was small, and kept, would read all of it when it has grown. Said here and not as the
    # connection starts, since PgBouncer would refuse it there.
    cursor = connection.cursor()
    cursor.execute("SET plan_cache_mode = force_custom_plan")
    cursor.close()
    connection.commit()


def _renew_connections(context: ExceptionContext) -> None:
    """Have the whole pool made anew: its other connections may lead to the same dead or read-only server."""
    error = context.sqlalchemy_exception
    if isinstance(error, DBAPIError) and isinstance(_meaning_of(error), Unavailable):
        context.is_disconnect = True


def _prepare_sqlite(connection: AsyncAdapt_aiosqlite_connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins no transaction by itself
    connection.run_async(_turn_to_wal)
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={SQLITE_BUSY_MS}", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def _turn_to_wal(connection: aiosqlite.Connection) -> None:
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
    except IntegrityError as error:
        raise Conflict from error
    except DBAPIError as error:
        if (translated := _meaning_of(error)) is None:
            raise
        raise translated from error
    except (PoolTimeoutError, OSError, TimeoutError) as error:
        raise _unavailable(error) from error
    except UnicodeEncodeError as error:  # SQLite's driver, of half a surrogate pair
        raise BadValue from error
    except StatementError as error:
        if isinstance(error.orig, TypeError | UnicodeEncodeError):  # what can't be written as JSON
            raise BadValue from error
        raise


def _meaning_of(error: DBAPIError) -> Exception | None:
    state = str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or "")
    if state in RACES:
        return Conflict()
    if state[:2] in BAD_VALUES:
        return BadValue()
    text = str(error.orig)
    sqlite_failed = any(word in text for word in SQLITE_FAILURES)
    server_failed = state[:2] in OUT_OF_SERVICE or state == READ_ONLY
    lost = error.connection_invalidated or type(error.orig).__name__ in LOST
    return _unavailable(error.orig) if sqlite_failed or server_failed or lost else None


def _unavailable(error: BaseException | None) -> Unavailable:
    msg = "The database can't be reached or takes no writes just now. Send the same request again."
    return Unavailable(msg, reason=str(error).partition("\n")[0] or type(error).__name__)
