"""Migrations: bringing a database to this version's schema, once, however many replicas start together."""

from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import SchemaOutdated, Unavailable
from app.storage.db import Conflict, Database

FOLDER = Path(__file__).parents[2] / "migrations"
LOCK = 7_305_804_402_566_541_168  # an arbitrary number; a transaction's lock, so it works behind PgBouncer
LOCK_TIMEOUT_S = 60


async def migrate(database: Database) -> bool:
    """Bring the schema up to date in one transaction. Returns whether there was anything to do.

    Raises `SchemaOutdated` if the schema is newer than this version, `Unavailable` if others hold locks for too long.
    Statements may take long on a large table: the database should have no `statement_timeout_s`.
    """
    try:
        async with database.write() as connection:
            if database.is_postgres:
                await _wait_for_lock(connection)
            before = await current_revision(connection)
            _check_known(before)
            await connection.run_sync(_upgrade)
            return before != head()
    except Conflict:
        msg = f"Others have kept this database locked for {LOCK_TIMEOUT_S} seconds, maybe to migrate it. Try again."
        raise Unavailable(msg) from None


def _check_known(found: str | None) -> None:
    if found is not None and not _is_known(found):
        msg = f"The database has schema {found}, which this version of leadscore does not know: run a newer version."
        raise SchemaOutdated(msg)


async def check_schema(database: Database, *, or_newer: bool = False) -> None:
    """Raises `SchemaOutdated` if the schema is not this version's.

    `or_newer`: a newer one is fine too. Migrations keep the version before them working, while it is replaced.
    """
    async with database.read() as connection:
        found = await current_revision(connection)
    if found == head() or (or_newer and found is not None and not _is_known(found)):
        return
    _check_known(found)
    state = f"has schema {found} and needs {head()}" if found else "has no leadscore schema yet"
    raise SchemaOutdated(f"The database {state}: run `leadscore migrate`, then start again.")


async def current_revision(connection: AsyncConnection) -> str | None:
    """The schema that the database has; None if it has none."""
    return await connection.run_sync(_revision)


@cache  # probes of /readyz need it, and finding it executes all migration files
def head() -> str:
    return str(ScriptDirectory(str(FOLDER)).get_current_head())


async def _wait_for_lock(connection: AsyncConnection) -> None:
    await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'"))
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> None:
    command.upgrade(_config(connection), "head")


def _config(connection: Any) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@cache
def _is_known(revision: str) -> bool:
    try:
        return ScriptDirectory(str(FOLDER)).get_revision(revision) is not None
    except CommandError:
        return False
