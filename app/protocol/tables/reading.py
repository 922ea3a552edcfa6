"""The bytes of a CSV file as rows of cells: its encoding, its delimiter, and rows that can't be read.

Bytes are read in pieces of any size and rows are yielded one by one, so a file may have any length.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from app.errors import InvalidMessage, UnreadableFile
from app.protocol.messages import MAX_MESSAGE_BYTES
from app.scoring.strings import trimmed

MAX_ROW_CHARACTERS = 2 * MAX_MESSAGE_BYTES  # quotation marks are doubled in CSV, so a good row may be that long

_DELIMITERS = (",", ";", "\t", "|")
_EXCELS_HINT = re.compile(r"(\"?)sep=(.)\1", re.IGNORECASE)  # Excel's optional first line
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")
_MAX_NAME_SHOWN = 64
_MAX_NAMES_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A row's trimmed cells, one for each column of the header, or the fault that makes it unusable."""

    line: int
    cells: tuple[str, ...] = ()
    fault: InvalidMessage | None = None


class Table:
    """A table whose header has been read. Its rows can be read once.

    `not_utf8` is the first line so far with bytes that are not UTF-8, which are read as Windows-1252.
    """

    def __init__(self, pieces: Iterable[bytes], delimiter: str | None = None) -> None:
        self._lines = _Lines(_decoded(pieces))
        self._reader = csv.reader(self._lines, delimiter=delimiter or self._lines.find_delimiter(), strict=True)
        self.header = _check_header(self._read_header())

    @property
    def not_utf8(self) -> int | None:
        return self._lines.not_utf8

    def __iter__(self) -> Iterator[Row]:
        width = len(self.header)
        for row in self._read_rows():
            if row.fault is None and any(row.cells[width:]):
                yield Row(row.line, fault=InvalidMessage("validation-error", _too_many(len(row.cells), width)))
            elif row.fault is not None:
                yield row
            elif any(row.cells):
                yield Row(row.line, (*row.cells[:width], *[""] * (width - len(row.cells))))

    def _read_rows(self) -> Iterator[Row]:
        while True:
            line = self._lines.begin_row()
            try:
                yield Row(line, tuple(map(trimmed, next(self._reader))))
            except StopIteration:
                return
            except _TooLong:
                yield Row(line, fault=InvalidMessage("content-too-large", _too_long(self._lines.number)))
            except csv.Error:
                yield Row(line, fault=InvalidMessage("validation-error", _BAD_QUOTES))

    def _read_header(self) -> tuple[str, ...]:
        first = next(self._read_rows(), None)
        if first is None:
            raise UnreadableFile("The file is empty: a table begins with a line that names its columns.")
        if first.fault is not None:
            raise UnreadableFile(f"The file's header can't be read: {first.fault.detail}")
        return first.cells


def list_names(names: Iterable[str]) -> str:
    """Column names for an error message, without control characters and limited in number and length."""
    shown = [_UNPRINTABLE.sub(" ", name[:_MAX_NAME_SHOWN]) for name in names]
    more = f" and {len(shown) - _MAX_NAMES_SHOWN} more" if len(shown) > _MAX_NAMES_SHOWN else ""
    return ", ".join(shown[:_MAX_NAMES_SHOWN]) + more


class _TooLong(Exception):
    """A row is too long. csv's reader lets this through and starts a new row on the next call."""


class _Lines:
    """Feeds csv's reader with lines: counts them, and limits the length of a row."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._lines = _split(pieces)
        self._row_length = 0
        self.number = 0
        self.not_utf8: int | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self._row_length += len(line)
        if self._row_length > MAX_ROW_CHARACTERS:
            raise _TooLong
        if not line.isascii() and _NOT_UTF8.search(line):
            self.not_utf8 = self.not_utf8 or self.number
            line = _NOT_UTF8.sub(_from_windows_1252, line)
        return line

    def begin_row(self) -> int:
        """The number of the line on which the next row begins."""
        self._row_length = 0
        return self.number + 1

    def find_delimiter(self) -> str:
        """The one that Excel's hint names, or that splits the first non-blank line into the most cells.

        That line is read again as the header.
        """
        for line in self._lines:
            if hint := _EXCELS_HINT.fullmatch(line.strip("\n ")):
                self.number += 1
                return hint[2]
            if line.strip():
                self._lines = chain([line], self._lines)
                return max(_DELIMITERS, key=lambda delimiter: _count_cells(line, delimiter))
            self.number += 1
        return ","


def _decoded(pieces: Iterable[bytes]) -> Iterator[str]:
    """Decode by the byte order mark, or else as UTF-8, where invalid bytes become lone surrogates."""
    pieces, start = iter(pieces), b""
    while len(start) < len(codecs.BOM_UTF16_LE) and (piece := next(pieces, b"")):
        start += piece
    utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding, errors = ("utf-16", "replace") if utf16 else ("utf-8-sig", "surrogateescape")
    return codecs.iterdecode(chain([start], pieces), encoding, errors)


def _split(pieces: Iterable[str]) -> Iterator[str]:
    """Split by any line ending; lines end in a line feed. Overlong lines are cut, but stay over the limit."""
    newlines, rest = io.IncrementalNewlineDecoder(None, translate=True), ""
    for piece in pieces:
        *lines, rest = (rest + newlines.decode(piece)).split("\n")
        yield from (f"{line}\n" for line in lines)
        rest = rest[: MAX_ROW_CHARACTERS + 1]
    rest += newlines.decode("", final=True)
    if rest:
        yield rest


def _from_windows_1252(byte: re.Match[str]) -> str:
    return byte[0].encode("utf-8", "surrogateescape").decode("cp1252", "replace")


def _count_cells(line: str, delimiter: str) -> int:
    return len(next(csv.reader([line[:MAX_ROW_CHARACTERS]], delimiter=delimiter)))


def _check_header(names: tuple[str, ...]) -> tuple[str, ...]:
    while names and not names[-1]:  # spreadsheets write empty columns at the right
        names = names[:-1]
    if any("\0" in name for name in names):
        raise UnreadableFile("The file is not text, or is UTF-16 without a byte order mark: save it as CSV in UTF-8.")
    unnamed = [str(number) for number, name in enumerate(names, start=1) if not name]
    if unnamed:
        raise UnreadableFile(f"The file's header has no name for column {', '.join(unnamed)}: give each column one.")
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise UnreadableFile(
            f"The file's header has {list_names(repeated)} more than once: rename all but one of each."
        )
    return names


def _too_many(cells: int, columns: int) -> str:
    return f"This row has {cells} cells, but the header has {columns}: quote values that contain the delimiter."


def _too_long(line: int) -> str:
    return (
        f"This row is too long, up to line {line} at least: a message can have at most {MAX_MESSAGE_BYTES:,} bytes. "
        "If the row should have ended earlier, a quotation mark is missing."
    )


_BAD_QUOTES = "This row's quotation marks don't match: close each one, and double those inside a value."
