"""`leadscore import`: files of history, read a chunk at a time."""

import asyncio
import gzip
import os
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Annotated, cast

import typer

from app.cli.runtime import opened, read_settings
from app.cli.terminal import out, progress_bar
from app.errors import UnreadableFile
from app.main import utc_now
from app.services.history import History
from app.settings import Settings

LINES_AT_ONCE = 1_000

commands = typer.Typer()


@commands.command("import")
def import_history(
    file: Annotated[str, typer.Argument(help="JSON lines, `.gz` too; `-` is standard input.")],
    source: Annotated[str, typer.Option(help="The name under which these events are kept.")] = "import",
) -> None:
    """Import a file of history: one message a line. Running it again changes nothing."""
    refused = asyncio.run(_import(read_settings(), file, source))
    raise typer.Exit(1 if refused else 0)


async def _import(settings: Settings, file: str, source: str) -> int:
    """How many lines were refused."""
    totals: Counter[str] = Counter()
    async with opened(settings, writing=True) as runtime:
        history = History(runtime.writer, source, utc_now)
        with _opened(file) as (lines, position, size), progress_bar("bytes") as bar:
            task = bar.add_task("importing", total=size, messages=0)
            messages = _whole(lines, file)
            while chunk := list(islice(messages, LINES_AT_ONCE)):
                step = await history.store(chunk)
                for refusal in step.refused:
                    bar.print(f"line {refusal.line}: {refusal.code}: {refusal.detail}", markup=False, soft_wrap=True)
                totals.update(accepted=step.accepted, duplicates=step.duplicates, refused=len(step.refused))
                bar.update(task, completed=position(), messages=totals.total())
    out.print(", ".join(f"{totals[name]:,} {name}" for name in ("accepted", "duplicates", "refused")))
    return totals["refused"]


@contextmanager
def _opened(file: str) -> Iterator[tuple[IO[bytes], Callable[[], int | None], int | None]]:
    """The lines of a file; how far it has been read, in bytes of the file as it lies there; and its size."""
    if file == "-":
        yield sys.stdin.buffer, lambda: None, None
        return
    try:
        raw = Path(file).open("rb")  # noqa: SIM115 - closed below, around what unpacks it
    except OSError as error:
        raise UnreadableFile(f"{file}: {error.strerror}. Name a file of JSON lines, or - for standard input.") from None
    with raw:
        size = os.fstat(raw.fileno()).st_size
        yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw) if file.endswith(".gz") else raw), raw.tell, size


def _whole(lines: IO[bytes], file: str) -> Iterator[bytes]:
    try:
        yield from lines
    except (EOFError, OSError, zlib.error):
        msg = (
            f"{file} is no whole gzip file. Import it again when it is: what was read stays, and is not counted twice."
        )
        raise UnreadableFile(msg) from None
