"""Migrations: bringing a database to the schema of this version, once, however many replicas start together."""

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
LOCK = 7_305_804_402_566_541_168  # any number of our own; a transaction's lock, so that PgBouncer may stand between
LOCK_TIMEOUT_S = 60


async def migrate(database: Database) -> bool:
    """Bring the schema up to date in one transaction. Tells whether there was anything to do.

    Raises `SchemaOutdated` where it is that of a later version, `Unavailable` where others hold locks for too long.
    A statement may take long on a large table: the database should have no `statement_timeout_s`.
    """
    try:
        async with database.write() as connection:
            if database.is_postgres:
                await _wait_for_lock(connection)
            before = await connection.run_sync(_revision)
            _check_known(before)
            await connection.run_sync(_upgrade)
            return before != head()
    except Conflict:
        msg = f"Others have kept this database locked for {LOCK_TIMEOUT_S} seconds, maybe to migrate it. Try it again."
        raise Unavailable(msg) from None


def _check_known(found: str | None) -> None:
    if found is not None and not _is_known(found):
        msg = f"The database has schema {found}, which this version of leadscore does not know: run a newer version."
        raise SchemaOutdated(msg)


async def check_schema(database: Database) -> None:
    """Raises `SchemaOutdated`, with the remedy, where the schema is not that of this version."""
    async with database.read() as connection:
        found = await connection.run_sync(_revision)
    if found == head():
        return
    _check_known(found)
    msg = f"The database has schema {found or 'none'} and needs {head()}: run `leadscore migrate`, then start again."
    raise SchemaOutdated(msg)


@cache  # for every probe of /readyz asks, and to find it runs the files of all migrations
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


def _is_known(revision: str) -> bool:
    try:
        return ScriptDirectory(str(FOLDER)).get_revision(revision) is not None
    except CommandError:
        return False
