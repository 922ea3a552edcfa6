"""`leadscore import`: files of messages, read a chunk at a time."""

import asyncio
import gzip
import os
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO, Annotated, cast

import typer

from app.cli.runtime import INTERRUPTED, interrupted_at_once, interruptible, opened, read_settings
from app.cli.terminal import counted, err, out, progress_bar
from app.clock import utc_now
from app.errors import UnreadableFile
from app.protocol.values import is_storable
from app.services.imports import FileImport
from app.settings import Settings

LINES_AT_ONCE = 1_000
LONGEST_SOURCE = 100
GZIP = b"\x1f\x8b"
NOT_WHOLE = "is no whole gzip file"
STOPPED = "Stopped. What was stored stays; import the file again for the rest: nothing counts twice."

commands = typer.Typer()


def _usable_source(name: str) -> str:
    if not 0 < len(name) <= LONGEST_SOURCE or not is_storable(name):
        msg = f"must have 1 to {LONGEST_SOURCE} characters"
        raise typer.BadParameter(msg)
    return name


@commands.command("import")
def import_history(
    file: Annotated[str, typer.Argument(help="JSON lines, `.gz` too; `-` is standard input.")],
    source: Annotated[
        str, typer.Option(callback=_usable_source, help="The name under which these events are kept.")
    ] = "import",
) -> None:
    """Import a file of history: one message a line. Running it again changes nothing."""
    refused = asyncio.run(_import(read_settings(), file, source))
    raise typer.Exit(1 if refused else 0)


async def _import(settings: Settings, file: str, source: str) -> int:
    """How many lines were refused."""
    totals: Counter[str] = Counter()
    async with opened(settings, writing=True) as runtime:
        importing = FileImport(runtime.writer, source, utc_now, settings.phone_region)
        with interruptible() as stopping:
            try:
                with _opened(file) as raw:
                    await _store(importing, _until(stopping, _chunks(raw, file)), raw, totals)
            except KeyboardInterrupt:
                stopping.set()
    if stopping.is_set():
        err.print(STOPPED, soft_wrap=True)
        raise typer.Exit(INTERRUPTED)
    return totals["refused"]


async def _store(
    importing: FileImport, chunks: Iterator[list[bytes]], raw: BufferedReader, totals: Counter[str]
) -> None:
    """Store the chunks and count what became of them; tell how far the file has been read, and what was refused."""
    size = os.fstat(raw.fileno()).st_size if raw.seekable() else None
    try:
        with progress_bar("bytes") as bar:
            task = bar.add_task("importing", total=size, messages=0)
            for chunk in chunks:
                step = await importing.store(chunk)
                for refusal in step.refused:
                    line = f"line {refusal.line}: {refusal.code}: {refusal.detail}"
                    bar.print(line, markup=False, soft_wrap=True)
                totals.update(accepted=step.accepted, duplicates=step.duplicates, refused=len(step.refused))
                bar.update(task, completed=None if size is None else raw.tell(), messages=totals.total())
    finally:
        duplicates = counted(totals["duplicates"], "duplicate", "duplicates")
        out.print(f"{totals['accepted']:,} accepted, {duplicates}, {totals['refused']:,} refused")


def _until(stopping: asyncio.Event, chunks: Iterator[list[bytes]]) -> Iterator[list[bytes]]:
    """The chunks until then. One that has to be waited for is given up at Ctrl-C, which `KeyboardInterrupt` tells."""
    while True:
        with interrupted_at_once():
            chunk = None if stopping.is_set() else next(chunks, None)
        if chunk is None:
            return
        yield chunk


@contextmanager
def _opened(file: str) -> Iterator[BufferedReader]:
    """A file, or standard input. A pipe may have to be waited for: Ctrl-C is `KeyboardInterrupt` then."""
    if file == "-":
        if sys.stdin is None:
            raise UnreadableFile("Standard input is closed: name a file of JSON lines, or pipe one in.")
        yield cast("BufferedReader", sys.stdin.buffer)
        return
    try:
        with interrupted_at_once():
            raw = Path(file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise UnreadableFile(f"{file}: {error.strerror}. Name a file of JSON lines, or - for standard input.") from None
    with raw:
        yield raw


def _unpacked(raw: BufferedReader) -> IO[bytes]:
    """Whatever it is called, by its first bytes."""
    return cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if raw.peek(2)[:2] == GZIP else raw


def _chunks(raw: BufferedReader, file: str) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    try:
        for line in _unpacked(raw):
            chunk.append(line)
            if len(chunk) == LINES_AT_ONCE:
                yield chunk
                chunk = []
    except (EOFError, OSError, zlib.error) as error:
        yield chunk
        broken = f"can't be read further: {error.strerror}" if isinstance(error, OSError) and error.errno else NOT_WHOLE
        msg = f"{file} {broken}. Import it again when it is mended: what was read stays, and counts once."
        raise UnreadableFile(msg) from None
    yield chunk
