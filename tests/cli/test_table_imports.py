"""`leadscore import` of tables: what they are taken for is said, and what is wrong with them is told by line."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.server import run, serving
from tests.cli.harness import CONTACTS, EVENTS_OF_CONTACTS, line, one_sentence, totals

LATIN = "Email;Name\nrene@x.example;Ren\xe9\n".encode("cp1252")


def test_importing_a_table_with_two_event_columns_again_has_no_effect(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    rows = [
        f"p{n}@x.example,Firm {n},2026-01-0{n % 9 + 1},{'2026-02-01' * (n % 3 == 0)},2026-02-02\n" for n in range(1_500)
    ]
    file.write_text(CONTACTS + "".join(rows))
    first, second = (run(database_url, "import", str(file), *EVENTS_OF_CONTACTS) for _ in range(2))
    assert (totals(first), first.returncode) == ((6 + 1_500 + 500 + 1_500, 0, 0), 0)
    assert (totals(second), second.returncode) == ((0, 3_506, 0), 0)
    assert second.stderr == "Each row is a person.\n"


def test_a_table_imports_alike_gzipped_piped_or_with_other_delimiters(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "contacts.tsv").write_text("Email\tCompany\nada@x.example\tNavy\n")
    (tmp_path / "contacts.csv.gz").write_bytes(gzip.compress(b"Company;Email\r\nNavy;ada@x.example\r\n"))
    assert totals(run(sqlite_url, "import", str(tmp_path / "contacts.tsv"))) == (1, 0, 0)
    assert totals(run(sqlite_url, "import", str(tmp_path / "contacts.csv.gz"))) == (0, 1, 0)
    assert totals(run(sqlite_url, "import", "-", input="Email,Company\nada@x.example,Navy\n")) == (0, 1, 0)
    assert totals(run(sqlite_url, "import", "-", "--format", "csv", input="Email|Company\nb@x.example|\n")) == (1, 0, 0)


def test_an_import_of_a_table_is_trusted_and_scored(sqlite_url: str) -> None:
    text = "E-Mail,Date,Amount\nada@x.example,2026-01-01,90\n"
    done = run(sqlite_url, "import", "-", "--event", "Order Completed", "--source", "shop", input=text)
    assert totals(done) == (1, 0, 0)
    with serving(sqlite_url) as server:
        lead = server.ask("/v1/leads/lookup", email="ada@x.example")
        [event] = server.ask(f"/v1/leads/{lead['id']}/events")["data"]
    assert (lead["stage"], event["source"], event["properties"]) == ("customer", "shop", {"amount": "90"})


def test_a_known_export_format_is_recognised_by_name(sqlite_url: str) -> None:
    done = run(sqlite_url, "import", "-", input="Record ID,Email,Create Date\n7,ada@x.example,2026-01-01\n")
    assert (totals(done), done.stderr) == ((1, 0, 0), "Read as HubSpot's contacts.\n")


def test_refused_rows_are_reported_by_line_and_the_rest_imported(sqlite_url: str) -> None:
    text = 'email,Created At,x\na@x.example,2026-01-01,"two\nlines"\nb@x.example,soon,\n,2026-01-01,\nc@x.example,,,7\n'
    done = run(sqlite_url, "import", "-", input=text)
    assert (totals(done), done.returncode) == ((1, 0, 3), 1)
    assert re.findall(r"^line (\d+): ([\w-]+): .+", done.stderr, re.MULTILINE) == [
        ("4", "validation-error"),
        ("5", "invalid-identity"),
        ("6", "validation-error"),
    ]


def test_a_dry_run_shows_messages_and_creates_no_database(tmp_path: Path) -> None:
    done = run("sqlite:///leads.db", "import", "-", "--dry-run", *EVENTS_OF_CONTACTS, cwd=tmp_path, input=CONTACTS)
    assert done.returncode == 0
    assert [json.loads(message)["type"] for message in done.stdout.splitlines()] == [
        *("identify", "track", "track", "identify", "track", "identify")
    ]
    assert json.loads(done.stdout.splitlines()[1])["event"] == "Demo Requested"
    assert re.findall(r"^(Company|Liked At) +(.+)$", done.stderr, re.MULTILINE) == [
        ("Company", "traits.company"),
        ("Liked At", "the time of Liked"),
    ]
    assert done.stderr.splitlines()[-1] == "Nothing was stored."
    assert not list(tmp_path.iterdir())


def test_the_output_of_a_dry_run_imports_as_the_same_messages(sqlite_url: str) -> None:
    shown = run(sqlite_url, "import", "-", "--dry-run", *EVENTS_OF_CONTACTS, input=CONTACTS).stdout
    assert totals(run(sqlite_url, "import", "-", *EVENTS_OF_CONTACTS, input=CONTACTS)) == (6, 0, 0)
    assert totals(run(sqlite_url, "import", "-", input=shown)) == (0, 6, 0)


def test_a_dry_run_of_json_lines_shows_them_and_what_is_refused(tmp_path: Path) -> None:
    lines = "\n".join([line(messageId="m1"), "{", *[line()] * 20])
    done = run("sqlite:///leads.db", "import", "-", "--dry-run", cwd=tmp_path, input=lines)
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 9)
    assert done.stderr.splitlines() == [
        "line 2: malformed-json: This line is not valid JSON at column 2.",
        "Nothing was stored.",
    ]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("contacts.parquet", b"PAR1\x15\x04", "a Parquet file: export it as JSON lines or CSV"),
        ("history.json", b"PK\x03\x04", "an archive: unpack it"),
        ("history.json", b'[{"type": "track"}]', "a JSON array, and an import needs one message per line: run jq -c"),
        ("history", b'{\n  "type": "track"\n}', "JSON of several lines"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_one_sentence(
    say: Callable[..., str], tmp_path: Path, name: str, data: bytes, said: str, *, packed: bool
) -> None:
    (tmp_path / name).write_bytes(gzip.compress(data) if packed else data)
    assert said in one_sentence(say("import", str(tmp_path / name), "--dry-run"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--map", "Firma=company"), "There is no column `Firma` in the file. Its columns: Name, Notes."),
        ((), "No column identifies the person. The columns: Name, Notes."),
        (("--map", "Name=email", "--map", "Notes=email"), "would both be `email`"),
    ],
)
def test_an_unreadable_table_is_refused_in_one_sentence(sqlite_url: str, arguments: tuple[str, ...], said: str) -> None:
    done = run(sqlite_url, "import", "-", *arguments, input="Name,Notes\nAda,x\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert said in one_sentence(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--event", "Liked", "--event-column", "what"), "Use only one of --event"),
        (("--map", "Firma"), "`Firma` must be COLUMN=TRAIT"),
        (("--event-at", "=trial_at"), "`=trial_at` must be NAME=COLUMN"),
    ],
)
def test_invalid_options_are_refused(sqlite_url: str, arguments: tuple[str, ...], said: str) -> None:
    done = run(sqlite_url, "import", "-", *arguments, input=CONTACTS)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_bytes_that_are_not_utf8_are_read_with_a_notice(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes(LATIN)
    done = run(sqlite_url, "import", str(tmp_path / "latin.csv"))
    assert totals(done) == (1, 0, 0)
    assert "Line 2 is not UTF-8" in done.stderr


def test_the_complete_part_of_a_truncated_gzipped_table_is_imported(sqlite_url: str, tmp_path: Path) -> None:
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(("Email\n" + "".join(f"p{n}@x.example\n" for n in range(50_000))).encode())[:-20_000])
    done = run(sqlite_url, "import", str(cut))
    assert done.returncode == 1
    assert totals(done)[0] > 0
    assert "is not a complete gzip file" in done.stderr.splitlines()[-1]


def test_a_header_without_rows_imports_nothing(sqlite_url: str) -> None:
    done = run(sqlite_url, "import", "-", input="Email,Company\n")
    assert (totals(done), done.returncode) == ((0, 0, 0), 0)


def test_json_lines_can_be_required(sqlite_url: str) -> None:
    done = run(sqlite_url, "import", "-", "--format", "jsonl", input=CONTACTS)
    assert (totals(done), done.returncode) == ((0, 0, 4), 1)
