"""`leadscore backup`: it must not migrate what it copies, so it opens the database without a runtime."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli.runtime import read_settings
from app.cli.terminal import out
from app.errors import UnreadableFile
from app.services.backups import back_up
from app.settings import Settings
from app.storage.db import Database

commands = typer.Typer()


@commands.command()
def backup(target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to create.")]) -> None:
    """Copy the embedded database to a new file. Safe while a server runs."""
    settings = read_settings()
    if settings.embedded and not settings.database_file.exists():
        msg = f"There is no database at {settings.database_file.absolute()}: run this where the server runs."
        raise UnreadableFile(msg)
    asyncio.run(_back_up(settings, target))
    out.print(f"{target} has {target.stat().st_size:,} bytes.", soft_wrap=True, markup=False)


async def _back_up(settings: Settings, target: Path) -> None:
    database = Database(settings.database_url, statement_timeout_s=None)
    try:
        await back_up(database, target)
    finally:
        await database.close()
