"""What databases' errors mean: an outage's reason says what to do about the file of an embedded database."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import Unavailable
from app.storage.errors import FILE_ACCESS, classify_error


def write_to_read_only_file(folder: Path) -> None:
    file = folder / "leadscore.db"
    file.touch()
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        connection.execute("CREATE TABLE numbers (number)")
    finally:
        connection.close()


def open_in_missing_folder(folder: Path) -> None:
    sqlite3.connect(folder / "missing" / "leadscore.db")


def fill_up(_folder: Path) -> None:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("PRAGMA max_page_count = 1")
        connection.execute("CREATE TABLE numbers (number)")
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        (write_to_read_only_file, f"attempt to write a readonly database ({FILE_ACCESS})"),
        (open_in_missing_folder, f"unable to open database file ({FILE_ACCESS})"),
        (fill_up, "database or disk is full (free some space on its disk)"),
    ],
)
def test_the_reason_of_an_outage_has_a_remedy(fail: Callable[[Path], None], reason: str, tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError) as caught:
        fail(tmp_path)
    meaning = classify_error(caught.value)
    assert isinstance(meaning, Unavailable)
    assert meaning.reason == reason
