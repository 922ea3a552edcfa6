"""`leadscore migrate`: the database schema. An embedded database is also migrated whenever it is opened."""

import asyncio

import typer

from app.cli.runtime import bare_database, opened, read_settings
from app.cli.terminal import out
from app.storage.migrations import migrate as migrate_database

commands = typer.Typer()


@commands.command()
def migrate() -> None:
    """Bring the database schema up to date. Safe to run several times at once."""
    settings = read_settings()

    async def run() -> bool:
        async with bare_database(settings) as database:
            changed = await migrate_database(database)
        async with opened(settings, quietly=True):  # installs the starter model
            return changed

    out.print("The schema is now up to date." if asyncio.run(run()) else "The schema was already up to date.")
