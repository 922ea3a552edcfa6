"""`leadscore migrate`: the schema. An embedded database needs no migrating by hand: opening it does that."""

import asyncio

import typer

from app.cli.runtime import opened, read_settings
from app.cli.terminal import out
from app.storage.db import Database
from app.storage.migrations import migrate as migrate_database

commands = typer.Typer()


@commands.command()
def migrate() -> None:
    """Bring the database schema up to date. Safe to run several times at once."""
    settings = read_settings()

    async def run() -> bool:
        database = Database(settings.database_url, statement_timeout_s=None)
        try:
            changed = await migrate_database(database)
        finally:
            await database.close()
        async with opened(settings, quietly=True):  # which installs the starter model
            return changed

    out.print("The schema is up to date now." if asyncio.run(run()) else "The schema was up to date already.")
