"""`leadscore demo`: invented people in an empty database, to look around with."""

import asyncio
from datetime import datetime

import typer

from app.cli.runtime import read_settings
from app.cli.terminal import err, out, progress_bar
from app.clock import utc_now
from app.demo.story import LEADS, VISITORS, begins_at, invent
from app.errors import ValidationFailed
from app.services.demo import SetClock, draft_variant, replay, require_empty
from app.services.runtime import Runtime
from app.settings import Settings
from app.storage.migrations import migrate

commands = typer.Typer()


@commands.command()
def demo() -> None:
    """Fill an empty embedded database with 90 days of an invented company."""
    fill(read_settings())


def fill(settings: Settings, visitors: int = VISITORS, leads: int = LEADS) -> None:
    """Raises `ValidationFailed` unless the settings' database is embedded and empty."""
    if not settings.embedded:
        raise ValidationFailed("Demo data is only stored in an embedded database: unset LEADSCORE_DATABASE_URL.")
    stored = asyncio.run(_fill(settings, utc_now(), visitors, leads))
    out.print(f"{stored:,} messages of {visitors:,} invented visitors; {leads:,} of them left an address.")


async def _fill(settings: Settings, now: datetime, visitors: int, leads: int) -> int:
    clock = SetClock(begins_at(now))
    runtime = Runtime(settings, clock)
    try:
        await migrate(runtime.database)
        await require_empty(runtime.database)
        with progress_bar("messages") as bar:
            if bar.disable:
                err.print(f"Inventing 90 days of {visitors:,} visitors …")
            task = bar.add_task("inventing 90 days", total=None)
            await runtime.start()
            sent = invent(now, visitors=visitors, leads=leads)
            bar.update(task, total=len(sent))
            await replay(runtime, clock, sent, lambda count: bar.update(task, advance=count))
        await draft_variant(runtime, now)
    finally:
        await runtime.stop()
    return len(sent)
