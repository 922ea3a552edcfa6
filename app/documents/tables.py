"""Reports and lists as CSV, one line per row, for spreadsheets."""

import csv
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

Row = Mapping[str, Any]
FORMULA = tuple("=+-@\t\r")
"""The characters at the beginning of a text for which spreadsheets take it as a formula."""


def as_csv(rows: Iterable[Row]) -> str:
    """Rows with equal fields, under their names."""
    flat = [dict(_flat(row)) for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    return csv_header(columns) + csv_lines(columns, flat)


def csv_header(columns: Sequence[str]) -> str:
    return _written([columns])


def csv_lines(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """Rows as lines of a table. Nested fields have names such as `days.median`, of `{"days": {"median": …}}`.

    Text that a spreadsheet would run as a formula gets an apostrophe in front: campaigns and pages have the names that
    visitors' browsers send.
    """
    flat = (dict(_flat(row)) for row in rows)
    return _written([_cell(row.get(name)) for name in columns] for row in flat)


def _written(lines: Iterable[Iterable[Any]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()


def _flat(row: Row, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"  # as in JSON
    is_formula = isinstance(value, str) and unicodedata.normalize("NFKC", value[:1]).startswith(FORMULA)
    return f"'{value}" if is_formula else value
