"""Reports as CSV: nested fields, and text that spreadsheets would run."""

import csv
from io import StringIO
from typing import Any

import pytest

from app.documents.tables import as_csv


def test_nested_fields_become_columns() -> None:
    rows: list[dict[str, Any]] = [
        {"name": "a", "days": {"median": 1.5, "leads": 2}},
        {"name": None, "days": {"median": None, "leads": 0}},
    ]
    assert as_csv(rows) == "name,days.median,days.leads\r\na,1.5,2\r\n,,0\r\n"


def test_text_is_quoted_where_it_must_be() -> None:
    text = 'one, "two"\nthree'
    assert list(csv.reader(StringIO(as_csv([{"name": text}]), newline=""))) == [["name"], [text]]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "＠SUM(A1)"])
def test_text_that_a_spreadsheet_would_run_is_disarmed(text: str) -> None:
    assert list(csv.reader(StringIO(as_csv([{"name": text}]), newline="")))[1] == [f"'{text}"]


def test_numbers_keep_their_sign() -> None:
    assert as_csv([{"name": "a-b", "change": -1}]) == "name,change\r\na-b,-1\r\n"


def test_truth_is_written_as_in_json() -> None:
    assert as_csv([{"ready": True, "lost": False}]) == "ready,lost\r\ntrue,false\r\n"
