"""What a command runs on: the settings, and the runtime on the database that they name, for as long as it is needed."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from difflib import get_close_matches
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import typer
from pydantic import ValidationError

from app.cli.terminal import err
from app.clock import utc_now
from app.errors import UnreadableFile
from app.logs import configure_logs
from app.services.runtime import Runtime
from app.settings import Settings
from app.validation.error_messages import error_message

Result = TypeVar("Result")

PREFIX = "LEADSCORE_"
ALMOST = 0.9  # about one letter off: Kubernetes makes variables such as LEADSCORE_DB_PORT of what services are called
INTERRUPTED = 130  # the exit status of what Ctrl-C ended


def read_settings(**told: Any) -> Settings:
    """The settings, with what options told. If some make no sense, each is named and the command ends."""
    if misspelt := _misspelt_settings():
        err.print("\n".join(misspelt), soft_wrap=True, markup=False)
        raise typer.Exit(1)
    try:
        settings = Settings(**{name: value for name, value in told.items() if value is not None})
    except ValidationError as error:
        for fault in error.errors():
            name = f"{PREFIX}{fault['loc'][0]}".upper()
            err.print(f"{name}: {error_message(fault)}", soft_wrap=True, markup=False)
        raise typer.Exit(1) from None
    if settings.embedded and not settings.database_file.parent.is_dir():
        raise UnreadableFile(f"There is no folder {settings.database_file.parent} for the database: make it first.")
    configure_logs(settings.log_level)
    return settings


def _misspelt_settings() -> list[str]:
    """Of variables that are none of ours, those that nearly are: other programs may have others that begin so."""
    known = {name.upper() for name in Settings.model_fields}
    named = {name.removeprefix(PREFIX) for name in os.environ if name.startswith(PREFIX)}
    near = {name: get_close_matches(name, known, n=1, cutoff=ALMOST) for name in sorted(named - known)}
    return [f"{PREFIX}{name}: is no setting; did you mean {PREFIX}{meant[0]}?" for name, meant in near.items() if meant]


@asynccontextmanager
async def opened(settings: Settings, *, writing: bool = False, quietly: bool = False) -> AsyncIterator[Runtime]:
    """The database that the settings name, once it is known to be up to date; with its writer, to bring in messages.

    If it is an embedded one that is only made now, that is said, unless `quietly`: the folder may be a wrong one.
    """
    if not quietly and (missing := _missing_file(settings)):
        err.print(f"There was no database at {missing}: it is made now.", soft_wrap=True, markup=False)
    runtime = Runtime(settings, utc_now)
    try:
        await (runtime.start() if writing else runtime.open())
        yield runtime
    finally:
        await runtime.stop()


def _missing_file(settings: Settings) -> Path | None:
    """Where an embedded database should be, if it is not there."""
    return settings.database_file.absolute() if settings.embedded and not settings.database_file.exists() else None


def with_database(job: Callable[[Runtime], Awaitable[Result]], *, made: bool = False) -> Result:
    """What the job gives. It has the database that the settings name to itself, opened and up to date.

    An embedded one that is not there is `made`, or else refused: the job has nothing to look for in it.
    """
    settings = read_settings()
    if not made and (missing := _missing_file(settings)):
        msg = f"There is no database at {missing}: run this where the server runs, or name it in {PREFIX}DATABASE_URL."
        raise UnreadableFile(msg)

    async def run() -> Result:
        async with opened(settings) as runtime:
            return await job(runtime)

    return asyncio.run(run())


@contextmanager
def interruptible() -> Iterator[asyncio.Event]:
    """Ctrl-C sets the event, so that work can end between two transactions; a second one ends the process."""
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()

    def stop(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stopping.set()
        loop.call_soon_threadsafe(lambda: None)  # it may be asleep

    with _at_interrupt(stop):
        yield stopping


def interrupted_at_once() -> AbstractContextManager[None]:
    """Ctrl-C raises `KeyboardInterrupt`: for work that may end anywhere, such as reading standard input."""
    return _at_interrupt(signal.default_int_handler)


@contextmanager
def _at_interrupt(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    # Not `loop.add_signal_handler`: while a command reads its standard input, the loop stands still.
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
