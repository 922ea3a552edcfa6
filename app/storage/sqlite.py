"""Connections to SQLite: opening them, setting them up, closing them, and replacing those that were closed."""

import asyncio
import sqlite3
from contextlib import suppress
from functools import cache
from time import monotonic
from typing import Any

import aiosqlite
from sqlalchemy import event
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_MS = 10_000
CHECKPOINT_PAGES = 4_000
"""16 MB, four times SQLite's default: commits write many of the same pages, and each goes to the file only once."""


def look_after_connections(engine: AsyncEngine) -> None:
    event.listen(engine.sync_engine, "do_connect", _connect)
    event.listen(engine.sync_engine, "connect", _prepare)


class _Connection(sqlite3.Connection):
    """Ends its transaction before it closes.

    A statement that was cancelled may still hold SQLite's own connection open, and the transaction's lock with it.
    """

    def close(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it is closed already
            self.rollback()
        super().close()


def _connect(
    dialect: Dialect, _entry: ConnectionPoolEntry, arguments: tuple[Any, ...], options: dict[str, Any]
) -> DBAPIConnection:
    """A connection whose `stop` can be called twice: the second call waits for the first, not for a thread that ended.

    SQLAlchemy stops a connection, without waiting, if it is cancelled once more while it closes it: frameworks cancel
    again and again. The closing goes on meanwhile, stops the connection too, and would wait forever.
    """
    return dialect.connect(*arguments, async_creator_fn=_open, **options)


async def _open(*arguments: Any, **options: Any) -> aiosqlite.Connection:
    connection: Any = aiosqlite.connect(*arguments, factory=_Connection, **options)
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does
    connection.stop = cache(connection.stop)
    try:
        opened: aiosqlite.Connection = await connection
    except BaseException:
        await connection.stop()  # otherwise its thread may report to an event loop that is closed by then
        raise
    return opened


def _prepare(connection: AsyncAdapt_aiosqlite_connection, _entry: ConnectionPoolEntry) -> None:
    connection.run_async(_enable_wal)
    cursor = connection.cursor()
    # `secure_delete` overwrites what is deleted: a person who was erased must not be left in unused parts of the file.
    for pragma in (f"busy_timeout={BUSY_MS}", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    cursor.close()


def is_running(driver: Any) -> bool:
    """Whether a driver's connection is open. It is closed when a statement of SQLAlchemy is cancelled."""
    running: bool = driver._running  # noqa: SLF001 - it has no other way to ask
    return running


async def _enable_wal(connection: aiosqlite.Connection) -> None:
    """Switch the file to WAL. Retries, because SQLite ignores `busy_timeout` while another connection switches."""
    deadline = monotonic() + BUSY_MS / 1000
    while True:
        try:
            await connection.execute_fetchall("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            kind = error.sqlite_errorcode & 0xFF  # the other bits give details, such as a recovery after a crash
            if kind != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            await asyncio.sleep(0.01)
        else:
            return
