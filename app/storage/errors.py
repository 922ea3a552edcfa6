"""What databases' errors mean, on SQLite and on PostgreSQL.

A restarting database causes many kinds of errors, which all become `Unavailable`.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.errors import Unavailable

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

SQLITE_FAILURES = frozenset(
    {
        *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY),
        *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN),
        sqlite3.SQLITE_NOTADB,
    }
)
FILE_ACCESS = "let the user that runs this read and write the file and its folder"
SQLITE_REMEDIES = {
    sqlite3.SQLITE_READONLY: FILE_ACCESS,
    sqlite3.SQLITE_CANTOPEN: FILE_ACCESS,
    sqlite3.SQLITE_PERM: FILE_ACCESS,
    sqlite3.SQLITE_FULL: "free some space on its disk",
    sqlite3.SQLITE_CORRUPT: "restore it from a backup",
    sqlite3.SQLITE_NOTADB: "name another file, or restore it from a backup",
}
CLOSED = ("connection closed", "no active connection", "cannot operate on a closed database")
"""How the messages of the driver and of SQLAlchemy begin if a connection to SQLite was closed while it was in use."""

MALFORMED_JSON = "malformed JSON"
"""SQLite's message if it has to look into a text that isn't JSON."""


class Conflict(Exception):
    """Another transaction came first. Nothing was written; retry the same work."""


class BadValue(Exception):
    """The database can't hold one of the values, or one that it holds isn't what was asked for. Nothing was written."""


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    try:
        yield
    except UnicodeEncodeError as error:  # from the driver, for half of a surrogate pair
        raise BadValue from error
    except (DBAPIError, PoolTimeoutError, OSError, ValueError, *DRIVER_ERRORS) as error:
        if (meaning := classify_error(error)) is None:
            raise
        raise meaning from error
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
    if isinstance(cause, sqlite3.Error) and str(cause) == MALFORMED_JSON:
        return BadValue()
    sqlite_failed = _sqlite_kind(cause) in SQLITE_FAILURES
    closed = isinstance(cause, sqlite3.Error | ValueError) and str(cause).lower().startswith(CLOSED)
    lost = closed or isinstance(cause, OSError | PoolTimeoutError) or type(cause).__name__ in LOST
    return _unavailable(cause) if server_failed or sqlite_failed or lost else None


def _unavailable(error: BaseException | None) -> Unavailable:
    msg = "The database can't be reached or can't accept writes at the moment. Send the same request again."
    if isinstance(error, TimeoutError):
        msg = "The database did not answer in time. Request less, or send the same request again later."
    reason = str(error).partition("\n")[0] or type(error).__name__
    remedy = POOLER if getattr(error, "sqlstate", None) in CROSSED else SQLITE_REMEDIES.get(_sqlite_kind(error))
    return Unavailable(msg, reason=f"{reason} ({remedy})" if remedy else reason)


def _sqlite_kind(error: BaseException | None) -> int:
    """The kind of SQLite's error, 0 for any other one. The other bits of its code give details."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
