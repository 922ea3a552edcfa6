"""`leadscore backup` and `leadscore copy`: they must not migrate what they copy, so they open it without a runtime."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli.runtime import bare_database, read_settings
from app.cli.terminal import columns, out, show
from app.errors import UnreadableFile, ValidationFailed
from app.services.backups import back_up
from app.services.copies import copy_all
from app.settings import Settings

commands = typer.Typer()


@commands.command()
def backup(target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to create.")]) -> None:
    """Copy the embedded database to a new file. Safe while a server runs."""
    settings = _existing()
    asyncio.run(_back_up(settings, target))
    out.print(f"{target} has {target.stat().st_size:,} bytes.", soft_wrap=True, markup=False)


@commands.command()
def copy(
    to: Annotated[str, typer.Option(metavar="URL", help="An empty database, e.g. postgresql://user:pass@host/name.")],
) -> None:
    """Copy the embedded database to an empty PostgreSQL database, exactly. Stop all servers first."""
    rows = asyncio.run(_copy(_existing(), read_settings(database_url=to)))
    table = columns("table", "rows")
    for name, count in rows.items():
        table.add_row(name, f"{count:,}")
    show(table)
    out.print(
        "\nEvery row was compared: the copy is exact. Set LEADSCORE_DATABASE_URL to it, then start the server.",
        soft_wrap=True,
    )


def _existing() -> Settings:
    """The settings. Raises `UnreadableFile` if they name an embedded database that does not exist."""
    settings = read_settings()
    if settings.embedded and not settings.database_file.exists():
        msg = f"There is no database at {settings.database_file.absolute()}: run this where the server runs."
        raise UnreadableFile(msg)
    return settings


async def _copy(source_settings: Settings, target_settings: Settings) -> dict[str, int]:
    if source_settings.database_url == target_settings.database_url:
        raise ValidationFailed("The source and the target are the same database.")
    async with bare_database(source_settings) as source, bare_database(target_settings) as target:
        return await copy_all(source, target)


async def _back_up(settings: Settings, target: Path) -> None:
    async with bare_database(settings) as database:
        await back_up(database, target)
