"""`leadscore import`: a file's messages are kept once, and its faults are told by line."""

import gzip
import os
import re
import signal
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from subprocess import PIPE

import httpx
import pytest
from sqlalchemy.engine import make_url

from tests import databases
from tests.api.harness import until
from tests.api.server import COMMAND, environment, make_keys, run, serving
from tests.cli.harness import GOOD, ROOT, line, one_sentence, totals

TRIALS = ROOT.parent / "shared" / "data" / "trials.jsonl.gz"


def test_importing_a_file_again_has_no_effect(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text("\n".join(GOOD))
    first, second = run(database_url, "import", str(file)), run(database_url, "import", str(file))
    assert (totals(first), first.returncode) == ((5, 0, 0), 0)
    assert (totals(second), second.returncode) == ((0, 5, 0), 0)


def test_a_gzipped_file_and_standard_input_import_alike(sqlite_url: str, tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(GOOD).encode()))
    assert totals(run(sqlite_url, "import", str(file))) == (5, 0, 0)
    assert totals(run(sqlite_url, "import", "-", input="\n".join(GOOD))) == (0, 5, 0)


def test_a_number_without_country_code_belongs_to_the_region(sqlite_url: str) -> None:
    person = line(type="identify", userId=None, traits={"phone": "030 123456"})
    command, variables = [COMMAND, "import", "-"], environment(sqlite_url, phone_region="de")
    done = subprocess.run(command, env=variables, input=person, capture_output=True, text=True, timeout=60, check=False)
    assert totals(done) == (1, 0, 0)
    assert totals(run(sqlite_url, "import", "-", input=person)) == (0, 0, 1)


def test_refused_lines_are_reported_by_number_and_the_rest_imported(sqlite_url: str) -> None:
    lines = [line(messageId="m1"), "{", line(userId=None), "", line(messageId="m2"), "[]", line(note=1, type="dance")]
    done = run(sqlite_url, "import", "-", input="\n".join(lines))
    assert (totals(done), done.returncode) == ((2, 0, 4), 1)
    assert re.findall(r"^line (\d+): ([\w-]+): .+", done.stderr, re.MULTILINE) == [
        ("2", "malformed-json"),
        ("3", "invalid-identity"),
        ("6", "validation-error"),
        ("7", "validation-error"),
    ]


def test_a_single_refused_line_is_reported_in_the_singular(sqlite_url: str) -> None:
    lines = ["{", line(properties={"a": 2**63})]
    done = run(sqlite_url, "import", "-", input="\n".join(lines))
    assert done.stderr.splitlines() == [
        "line 1: malformed-json: This line is not valid JSON at column 2.",
        "line 2: out-of-range: `properties.a` is an integer of more than 64 bits: send it as text.",
    ]


def test_creating_a_database_is_announced(tmp_path: Path) -> None:
    said = [run("sqlite:///leads.db", "import", "-", cwd=tmp_path, input="").stderr for _ in range(2)]
    assert said == [f"There was no database at {tmp_path / 'leads.db'}: creating it.\n", ""]


def test_read_only_commands_create_no_database(tmp_path: Path) -> None:
    done = run("sqlite:///leads.db", "keys", "list", cwd=tmp_path)
    assert done.returncode == 1
    assert one_sentence(done.stderr).startswith(f"There is no database at {tmp_path / 'leads.db'}: ")
    assert not list(tmp_path.iterdir())


def test_sent_at_does_not_correct_imported_timestamps(sqlite_url: str) -> None:
    at = "2026-01-10T10:00:00Z"
    live = {"sentAt": "2026-01-10T10:00:05Z", "receivedAt": "2026-01-10T10:00:06Z"}
    lines = [line(timestamp=at, **live), line(timestamp=None, originalTimestamp=at, sentAt=live["sentAt"])]
    assert totals(run(sqlite_url, "import", "-", input="\n".join(lines))) == (2, 0, 0)
    with serving(sqlite_url) as server:
        lead = server.ask("/v1/leads/lookup", user_id="u1")
        events = server.ask(f"/v1/leads/{lead['id']}/events")["data"]
    assert [event["occurred_at"] for event in events] == [at, at]


def test_a_blank_message_id_counts_as_missing(sqlite_url: str) -> None:
    for outcome in ((1, 0, 0), (0, 1, 0)):
        assert totals(run(sqlite_url, "import", "-", input=line(messageId=" "))) == outcome


def test_an_import_is_trusted_and_scored(sqlite_url: str) -> None:
    message = line(event="Order Completed", messageId="m1")
    assert totals(run(sqlite_url, "import", "-", "--source", "crm", input=message)) == (1, 0, 0)
    with serving(sqlite_url) as server:
        lead = server.ask("/v1/leads/lookup", user_id="u1")
        [event] = server.ask(f"/v1/leads/{lead['id']}/events")["data"]
    assert (lead["stage"], event["source"], event["occurred_at"]) == ("customer", "crm", "2026-01-01T00:00:00Z")


def test_an_unreadable_file_is_reported_in_one_sentence(sqlite_url: str, tmp_path: Path) -> None:
    missing = tmp_path / "missing.jsonl"
    done = run(sqlite_url, "import", str(missing))
    assert (done.returncode, done.stdout) == (1, "")
    assert str(missing) in one_sentence(done.stderr)


def test_the_complete_part_of_a_truncated_file_is_imported(sqlite_url: str, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress("\n".join(GOOD).encode())[:-12])
    done = run(sqlite_url, "import", str(cut))
    assert done.returncode == 1
    assert totals(done)[0] > 0
    assert str(cut) in one_sentence(done.stderr)


def test_a_file_is_unpacked_by_its_content_not_its_name(sqlite_url: str, tmp_path: Path) -> None:
    text = "\n".join(GOOD).encode()
    for name, held in (("packed.jsonl", gzip.compress(text)), ("plain.jsonl.gz", text)):
        (tmp_path / name).write_bytes(held)
        done = run(sqlite_url, "import", str(tmp_path / name), "--source", name)
        assert totals(done) == (5, 0, 0)


@pytest.mark.parametrize("source", ["", "x" * 101])
def test_a_source_that_is_not_a_valid_key_name_is_refused(sqlite_url: str, source: str) -> None:
    done = run(sqlite_url, "import", "-", "--source", source, input=line())
    assert (done.returncode, done.stdout) == (2, "")
    assert "1 to 100 characters" in done.stderr


def test_an_interrupted_import_reports_its_progress_and_can_be_finished(sqlite_url: str, tmp_path: Path) -> None:
    file, many = tmp_path / "many.jsonl", 20_000
    file.write_text("\n".join(line(messageId=f"m{number}") for number in range(many)))
    command = [COMMAND, "import", str(file)]
    with subprocess.Popen(command, env=environment(sqlite_url), stdout=PIPE, stderr=PIPE, text=True) as process:
        with closing(sqlite3.connect(make_url(sqlite_url).database or "")) as database:
            databases.run(until(lambda: database.execute("SELECT count(*) FROM events").fetchone() > (0,)))
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate(timeout=60)
    assert "Stopped" in complaint, (said, complaint)
    assert process.returncode == 130
    accepted = int(said.split()[0].replace(",", ""))
    assert 0 < accepted < many
    assert totals(run(sqlite_url, "import", str(file))) == (many - accepted, accepted, 0)


def test_an_import_waiting_for_input_can_be_interrupted(sqlite_url: str) -> None:
    run(sqlite_url, "migrate")
    command, lines = [COMMAND, "import", "-"], "".join(line(messageId=f"m{number}") + "\n" for number in range(1_000))
    with (
        subprocess.Popen(
            command, env=environment(sqlite_url), stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True
        ) as process,
        closing(sqlite3.connect(make_url(sqlite_url).database or "")) as database,
    ):
        assert process.stdin and process.stdout  # noqa: PT018 - for the types
        process.stdin.write(lines)
        process.stdin.flush()
        databases.run(until(lambda: database.execute("SELECT count(*) FROM events").fetchone() > (0,)))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stdout.read() == "1,000 accepted, 0 duplicates, 0 refused\n"


def test_an_import_waiting_for_its_first_byte_can_be_interrupted(sqlite_url: str, tmp_path: Path) -> None:
    def is_read() -> bool:
        with suppress(OSError):  # what a pipe that nobody reads gives to who would write
            writers.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return bool(writers)

    writers: list[int] = []
    run(sqlite_url, "migrate")
    os.mkfifo(pipe := tmp_path / "pipe")
    command = [COMMAND, "import", str(pipe)]
    with subprocess.Popen(command, env=environment(sqlite_url), stdout=PIPE, stderr=PIPE, text=True) as process:
        databases.run(until(is_read))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stderr
        assert "Stopped" in process.stderr.read()
    os.close(*writers)


def test_an_import_reads_a_named_pipe(sqlite_url: str) -> None:
    done = subprocess.run(
        ["/bin/bash", "-c", f"{COMMAND} import <(cat)"],
        input="\n".join(GOOD),
        env=environment(sqlite_url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert totals(done) == (5, 0, 0)


@pytest.mark.skipif(not TRIALS.exists(), reason="the trials' data is not part of the project")
def test_real_trial_data_is_imported_once_and_staged(sqlite_url: str) -> None:
    published = run(sqlite_url, "model", "publish", str(ROOT / "docs" / "examples" / "trial-product.yaml"))
    assert published.returncode == 0
    assert totals(run(sqlite_url, "import", str(TRIALS))) == (4_879, 0, 0)
    assert totals(run(sqlite_url, "import", str(TRIALS))) == (0, 4_879, 0)
    with serving(sqlite_url, make_keys(sqlite_url)) as server:
        shown = httpx.get(f"{server.url}/metrics").text
    stages = dict(re.findall(r'^leadscore_leads\{stage="(\w+)"\} ([\d.]+)$', shown, re.MULTILINE))
    assert sum(map(float, stages.values())) == 746
    assert min(map(float, stages.values())) > 0
    assert set(stages) >= {"lead", "mql", "pql", "sql"}
