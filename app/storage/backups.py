"""A copy of an embedded database, made by SQLite itself: a copied file would lack what is still in its WAL."""

from pathlib import Path

import aiosqlite

from app.storage.db import Database, driver_of


async def copy_database(database: Database, target: Path) -> None:
    """Copy the database, as it is at one moment, into an empty file. Others may read and write meanwhile."""
    async with database.read() as connection, aiosqlite.connect(target) as copy:
        await driver_of(connection).backup(copy)  # in one step, so that no writer makes it begin again
