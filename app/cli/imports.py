"""`leadscore import`: files of history, read a chunk at a time."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from io import BufferedReader
from itertools import islice
from typing import Annotated, Literal

import orjson
import typer

from app.cli.history_files import opened_file, read_entries, whole
from app.cli.runtime import INTERRUPTED, interrupted_at_once, interruptible, opened, read_settings
from app.cli.terminal import counted, err, out, progress_bar
from app.clock import utc_now
from app.errors import LeadscoreError, UnreadableFile
from app.protocol.history import Entry
from app.protocol.messages import Sender
from app.protocol.tables.layout import TableOptions
from app.protocol.values import is_storable
from app.services.imports import EntryReader, FileImport
from app.settings import Settings

ENTRIES_AT_ONCE = 1_000
SHOWN_BY_DRY_RUN = 10
MAX_SOURCE_LENGTH = 100
STOPPED = "Stopped. Import the file again for the rest: what is already stored is not counted twice."

Format = Literal["jsonl", "csv", "tsv", "hubspot", "salesforce", "ga4", "posthog", "mixpanel", "segment"]

commands = typer.Typer()


def _usable_source(name: str) -> str:
    if not 0 < len(name) <= MAX_SOURCE_LENGTH or not is_storable(name):
        raise typer.BadParameter(f"must have 1 to {MAX_SOURCE_LENGTH} characters")
    return name


@commands.command("import")
def import_history(
    file: Annotated[str, typer.Argument(help="JSON lines, CSV or TSV; `.gz` too; `-` is standard input.")],
    *,
    source: Annotated[
        str, typer.Option(callback=_usable_source, help="The source that these events are stored under.")
    ] = "import",
    format: Annotated[  # noqa: A002 - the option's name
        Format | None, typer.Option(help="The file's format. Default: guessed from its first line.")
    ] = None,
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=TRAIT", help="The trait that a column holds. COLUMN= leaves it out."),
    ] = None,
    event: Annotated[str | None, typer.Option(metavar="NAME", help="Each row is an event of this name.")] = None,
    event_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Each row is an event whose name is in this column.")
    ] = None,
    event_at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=COLUMN", help="An event of the row's person, at the time in this column. Repeatable."
        ),
    ] = None,
    time: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column with the event's time.")] = None,
    dates: Annotated[
        Literal["dmy", "mdy"] | None, typer.Option(help="Which comes first in 01/02/2026, the day or the month.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the first messages and store nothing.")] = False,
) -> None:
    """Import a file of history: messages, or a table of people or events.

    Importing a file again changes nothing.
    """
    if sum(map(bool, (event, event_column, event_at))) > 1:
        raise typer.BadParameter("Use only one of --event, --event-column and --event-at.")
    options = TableOptions(
        format=format,
        targets=dict(_pair(pair, "COLUMN=TRAIT", last=True) for pair in mapped or ()),
        event=event,
        event_column=event_column,
        event_times=dict(_pair(pair, "NAME=COLUMN", last=False) for pair in event_at or ()),
        time=time,
        dates=dates,
    )
    settings = read_settings()
    refused = (
        _show(settings, file, source, options) if dry_run else asyncio.run(_import(settings, file, source, options))
    )
    raise typer.Exit(1 if refused else 0)


def _pair(text: str, form: str, *, last: bool) -> tuple[str, str]:
    left, equals, right = text.rpartition("=") if last else text.partition("=")
    if not equals or not left.strip():
        raise typer.BadParameter(f"`{text}` must be {form}")
    return left.strip(), right.strip()


def _show(settings: Settings, file: str, source: str, options: TableOptions) -> int:
    """Print the first messages as they would be stored. Returns the number of invalid ones."""
    reader, refused = _reader(source, settings), 0
    with opened_file(file) as raw, whole(file):
        entries = list(islice(read_entries(raw, file, options, detailed=True), SHOWN_BY_DRY_RUN))
    for entry in entries:
        try:
            message, _ = reader.read(entry)
        except LeadscoreError as error:
            refused += 1
            err.print(_refusal(entry.line, error), markup=False, soft_wrap=True)
        else:
            print(orjson.dumps(message).decode())
    err.print("Nothing was stored.")
    return refused


def _reader(source: str, settings: Settings) -> EntryReader:
    return EntryReader(Sender(source, trusted=True, phone_region=settings.phone_region), utc_now)


def _refusal(line: int, error: LeadscoreError | None) -> str:
    return f"line {line}: {error.code}: {error.detail}" if error is not None else ""


async def _import(settings: Settings, file: str, source: str, options: TableOptions) -> int:
    """Returns the number of messages that were refused."""
    totals: Counter[str] = Counter()
    async with opened(settings, writing=True) as runtime:
        importing = FileImport(runtime.writer, _reader(source, settings))
        with interruptible() as stopping:
            try:
                with opened_file(file) as raw:
                    with interrupted_at_once(), whole(file):
                        entries = read_entries(raw, file, options)
                    await _store(importing, _until(stopping, _chunks(entries, file)), raw, totals)
            except KeyboardInterrupt:
                stopping.set()
    if stopping.is_set():
        err.print(STOPPED, soft_wrap=True)
        raise typer.Exit(INTERRUPTED)
    return totals["refused"]


async def _store(
    importing: FileImport, chunks: Iterator[list[Entry]], raw: BufferedReader, totals: Counter[str]
) -> None:
    """Store the chunks, counting the outcomes in `totals`; show the progress and each refusal."""
    size = os.fstat(raw.fileno()).st_size if raw.seekable() else None
    try:
        with progress_bar("bytes") as bar:
            task = bar.add_task("importing", total=size, messages=0)
            for chunk in chunks:
                step = await importing.store(chunk)
                for message in step.refused:
                    line = _refusal(message.index, message.error)
                    bar.print(line, markup=False, soft_wrap=True)
                totals.update(accepted=step.accepted, duplicates=step.duplicates, refused=len(step.refused))
                bar.update(task, completed=None if size is None else raw.tell(), messages=totals.total())
    finally:
        duplicates = counted(totals["duplicates"], "duplicate", "duplicates")
        out.print(f"{totals['accepted']:,} accepted, {duplicates}, {totals['refused']:,} refused")


def _until(stopping: asyncio.Event, chunks: Iterator[list[Entry]]) -> Iterator[list[Entry]]:
    """The chunks until `stopping` is set. Ctrl-C while waiting for one raises `KeyboardInterrupt`."""
    while True:
        with interrupted_at_once():
            chunk = None if stopping.is_set() else next(chunks, None)
        if chunk is None:
            return
        yield chunk


def _chunks(entries: Iterator[Entry], file: str) -> Iterator[list[Entry]]:
    chunk: list[Entry] = []
    try:
        with whole(file):
            for entry in entries:
                chunk.append(entry)
                if len(chunk) == ENTRIES_AT_ONCE:
                    yield chunk
                    chunk = []
    except UnreadableFile:
        yield chunk
        raise
    yield chunk
