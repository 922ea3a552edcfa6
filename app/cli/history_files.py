"""Files of history: opens and unpacks them, detects tables and JSON lines, and reports how a file is read."""

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import cast

from app.cli.runtime import interrupted_at_once
from app.cli.terminal import columns, err, sanitize, show
from app.errors import UnreadableFile
from app.protocol.body import is_json
from app.protocol.file_kinds import refuse_json_documents, refuse_other_kinds
from app.protocol.history import Entry, read_json_lines
from app.protocol.tables.layout import Layout, TableOptions, understand
from app.protocol.tables.messages import RowReader
from app.protocol.tables.reading import Table

PIECE_BYTES = 64 * 1024
GZIP = b"\x1f\x8b"
JSON_NAMES = (".json", ".jsonl", ".ndjson")
WHO = "userId or anonymousId"  # what a `distinct_id` is depends on the row
NOT_WHOLE = "is not a complete gzip file"


@contextmanager
def opened_file(file: str) -> Iterator[BufferedReader]:
    """A file, or standard input. Opening a pipe may block: Ctrl-C then raises `KeyboardInterrupt`."""
    if file == "-":
        if sys.stdin is None:
            raise UnreadableFile("Standard input is closed: give a file of history, or pipe one in.")
        yield cast("BufferedReader", sys.stdin.buffer)
        return
    try:
        with interrupted_at_once():
            raw = Path(file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise UnreadableFile(f"{file}: {error.strerror}. Give a file of history, or - for standard input.") from None
    with raw:
        yield raw


@contextmanager
def whole(file: str) -> Iterator[None]:
    """Raises `UnreadableFile` where the file can't be read to its end."""
    try:
        yield
    except (EOFError, OSError, zlib.error) as error:
        broken = f"can't be read further: {error.strerror}" if isinstance(error, OSError) and error.errno else NOT_WHOLE
        msg = f"{file} {broken}. Import it again once it is fixed: what was already read is kept and counts once."
        raise UnreadableFile(msg) from None


def read_entries(raw: BufferedReader, file: str, options: TableOptions, *, detailed: bool = False) -> Iterator[Entry]:
    """The entries of a file. How a table is interpreted is printed on standard error before the first entry."""
    packed = raw.peek(len(GZIP)).startswith(GZIP)  # whatever its name
    data = cast("BufferedReader", gzip.GzipFile(fileobj=raw)) if packed else raw
    refuse_other_kinds(data.peek(PIECE_BYTES))
    if _is_json_lines(data, file, options):
        refuse_json_documents(data.peek(PIECE_BYTES))
        return read_json_lines(data)
    table = Table(iter(lambda: data.read1(PIECE_BYTES), b""), "\t" if options.format == "tsv" else None)
    layout = understand(table.header, options)
    _print_layout(layout, detailed=detailed)
    return _read_rows(table, layout)


def _is_json_lines(data: BufferedReader, file: str, options: TableOptions) -> bool:
    if options.format is not None:
        return options.format == "jsonl"
    if file.removesuffix(".gz").lower().endswith(JSON_NAMES):
        return True
    start = data.peek(1)
    return is_json(start) or not start.strip()


def _read_rows(table: Table, layout: Layout) -> Iterator[Entry]:
    reader, warned = RowReader(layout), False
    for row in table:
        yield from reader.read(row)
        if table.not_utf8 and not warned:
            warned = True
            err.print(f"Line {table.not_utf8} is not UTF-8: such lines are read as Windows-1252.", soft_wrap=True)


def _print_layout(layout: Layout, *, detailed: bool) -> None:
    each = "Each row is an event." if layout.kind == "event" else "Each row is a person."
    what = f"Read as {layout.shape.title}." if layout.shape else each
    when = "" if "timestamp" in layout.targets else " No column has a time: rows count from now."
    err.print(f"{what}{'' if layout.event_times else when}", soft_wrap=True)
    if detailed:
        table = columns("column", "is", numbers=False)
        dates = {index: f"the time of {event}" for event, index in layout.event_times}
        for index, (column, target) in enumerate(zip(layout.columns, layout.targets, strict=True)):
            path = ".".join(layout.path_of(target)) if target else "left out"
            meaning = dates.get(index, WHO if path == "distinctIds" else path)
            table.add_row(sanitize(column), sanitize(meaning))
        show(table, console=err)
