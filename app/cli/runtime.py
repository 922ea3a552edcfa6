"""What commands run on: the settings, the runtime with its database, and Ctrl-C."""

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

from app.cli.garbage import collect_garbage_rarely
from app.cli.terminal import err
from app.clock import utc_now
from app.errors import UnreadableFile
from app.logs import configure_logs
from app.services.runtime import Runtime
from app.settings import Settings
from app.storage.db import Database
from app.storage.errors import FILE_ACCESS
from app.validation.error_messages import error_message

Result = TypeVar("Result")

PREFIX = "LEADSCORE_"
ALMOST = 0.9  # about one letter off: Kubernetes adds variables named after services, such as LEADSCORE_DB_PORT
INTERRUPTED = 130  # exit status after Ctrl-C


def read_settings(**options: Any) -> Settings:
    """The settings, overridden by options that are not None. Prints each invalid setting and exits if there are any.

    Every command that works with a database begins here, so it also sets up the logs and the garbage collection.
    """
    if misspelt := _misspelt_settings():
        err.print("\n".join(misspelt), soft_wrap=True, markup=False)
        raise typer.Exit(1)
    try:
        settings = Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        for fault in error.errors():
            name = f"{PREFIX}{fault['loc'][0]}".upper()
            err.print(f"{name}: {error_message(fault)}", soft_wrap=True, markup=False)
        raise typer.Exit(1) from None
    if settings.embedded:
        _check_database_file(settings.database_file)
    configure_logs(settings.log_level)
    collect_garbage_rarely()
    return settings


def _check_database_file(file: Path) -> None:
    """Raise `UnreadableFile` for what SQLite would only call unable to open."""
    if not file.parent.is_dir():
        raise UnreadableFile(f"The database's folder {file.parent} does not exist: create it first.")
    if not os.access(file.parent, os.X_OK):
        raise UnreadableFile(f"The database's folder {file.parent} can't be entered: {FILE_ACCESS}.")
    if file.is_dir():  # Docker makes one if it is asked to mount a file that does not exist
        raise UnreadableFile(f"The database {file} is a folder: name a file, such as {file / 'leadscore.db'}.")
    if file.exists() and not os.access(file, os.R_OK):
        raise UnreadableFile(f"The database {file} can't be read: {FILE_ACCESS}.")


def _misspelt_settings() -> list[str]:
    """A message for each unknown variable that is nearly a setting. Others may belong to other programs."""
    known = {name.upper() for name in Settings.model_fields}
    named = {name.removeprefix(PREFIX) for name in os.environ if name.startswith(PREFIX)}
    near = {name: get_close_matches(name, known, n=1, cutoff=ALMOST) for name in sorted(named - known)}
    return [f"{PREFIX}{name}: is no setting; did you mean {PREFIX}{meant[0]}?" for name, meant in near.items() if meant]


@asynccontextmanager
async def opened(settings: Settings, *, writing: bool = False, quietly: bool = False) -> AsyncIterator[Runtime]:
    """A runtime on the settings' database, its schema checked; `writing` also starts the writer that stores messages.

    Creating an embedded database is reported unless `quietly`, since the folder may be the wrong one.
    """
    if not quietly and (missing := _missing_file(settings)):
        err.print(f"There was no database at {missing}: creating it.", soft_wrap=True, markup=False)
    runtime = Runtime(settings, utc_now)
    try:
        await (runtime.start() if writing else runtime.open())
        yield runtime
    finally:
        await runtime.stop()


@asynccontextmanager
async def bare_database(settings: Settings) -> AsyncIterator[Database]:
    """The settings' database without a runtime, which would check or migrate it; statements may take long."""
    database = Database(settings.database_url, statement_timeout_s=None)
    try:
        yield database
    finally:
        await database.close()


def _missing_file(settings: Settings) -> Path | None:
    """The path of an embedded database that does not exist yet."""
    return settings.database_file.absolute() if settings.embedded and not settings.database_file.exists() else None


def with_database(job: Callable[[Runtime], Awaitable[Result]], *, create: bool = False) -> Result:
    """Run the job on the settings' database, and return its result.

    Raises `UnreadableFile` if an embedded database does not exist, unless the job may `create` it.
    """
    settings = read_settings()
    if not create and (missing := _missing_file(settings)):
        msg = f"There is no database at {missing}: run this where the server runs, or set {PREFIX}DATABASE_URL."
        raise UnreadableFile(msg)

    async def run() -> Result:
        async with opened(settings) as runtime:
            return await job(runtime)

    return asyncio.run(run())


@contextmanager
def interruptible() -> Iterator[asyncio.Event]:
    """Ctrl-C sets the event, so that work can end between transactions. A second Ctrl-C ends the process."""
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()

    def stop(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stopping.set()
        loop.call_soon_threadsafe(lambda: None)  # wakes the loop

    with _at_interrupt(stop):
        yield stopping


def interrupted_at_once() -> AbstractContextManager[None]:
    """Ctrl-C raises `KeyboardInterrupt` at once: for work that may stop anywhere, such as reading standard input."""
    return _at_interrupt(signal.default_int_handler)


@contextmanager
def _at_interrupt(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    # Not `loop.add_signal_handler`: reading standard input blocks the loop.
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
