"""`leadscore migrate`: the schema. An embedded database needs no migrating by hand: opening it does that."""

import asyncio

import typer

from app.cli.runtime import read_settings
from app.cli.terminal import out
from app.clock import utc_now
from app.services.runtime import Runtime
from app.storage.migrations import migrate as migrate_database

commands = typer.Typer()


@commands.command()
def migrate() -> None:
    """Bring the database to the schema of this version. Several may start at once: one does it."""
    settings = read_settings()

    async def run() -> bool:
        runtime = Runtime(settings, utc_now)
        try:
            changed = await migrate_database(runtime.database)
            await runtime.open()
        finally:
            await runtime.database.close()
        return changed

    out.print("The schema is up to date now." if asyncio.run(run()) else "The schema was up to date already.")
