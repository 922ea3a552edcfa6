"""Reports as CSV, one line per row, for spreadsheets."""

import csv
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from typing import Any

Row = Mapping[str, Any]
FORMULA = tuple("=+-@\t\r")
"""The characters at the beginning of a text for which spreadsheets take it as a formula."""


def as_csv(rows: Iterable[Row]) -> str:
    """Rows with equal fields, nested fields included: `days.median` of `{"days": {"median": …}}`.

    Text that a spreadsheet would run as a formula gets an apostrophe in front: campaigns and pages have the names that
    visitors' browsers send.
    """
    flat = [dict(_flat(row)) for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in flat)
    return text.getvalue()


def _flat(row: Row, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _cell(value: Any) -> Any:
    is_formula = isinstance(value, str) and unicodedata.normalize("NFKC", value[:1]).startswith(FORMULA)
    return f"'{value}" if is_formula else value
