"""The command `leadscore`, run as an operator runs it: what it prints, where, and its exit status."""

import asyncio
import gzip
import json
import re
import socket
import sqlite3
import subprocess
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.cli import main
from tests import databases
from tests.api.harness import until
from tests.api.server import COMMAND, Server, environment, make_keys, run, serving

ROOT = Path(__file__).parents[1]
TRIALS = ROOT.parent / "shared" / "data" / "trials.jsonl.gz"


def one_sentence(text: str) -> str:
    """What was said, which has to be one line and no traceback."""
    [line] = text.strip().splitlines()
    return line


# --- serve ------------------------------------------------------------------------------------------------------


def test_a_first_serve_prints_keys_and_commands_that_work_as_they_stand(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path / 'new.db'}", keys={}) as server:
        kinds = dict(re.findall(r"^(write|server|read|admin) +(ls_\w+_\S+)$", server.printed, re.MULTILINE))
        assert set(kinds) == {"write", "server", "read", "admin"}
        commands = re.findall(r"^curl (?:.*\\\n)*.*(?:\n  \{.*)*", server.printed, re.MULTILINE)
        answers = [
            json.loads(subprocess.check_output(["/bin/bash", "-ec", command], timeout=30)) for command in commands
        ]
    assert [answer.get("accepted") for answer in answers] == [1, 1, 2, None]
    assert answers[-1]["identities"] == {"user_id": ["u1"], "email": ["ada@example.com"], "anonymous_id": ["a1"]}
    assert answers[-1]["stage"] != "interest"
    assert "request" in server.log
    assert "ls_" not in server.log


def test_a_serve_of_what_has_keys_prints_none(sqlite_url: str) -> None:
    with serving(sqlite_url) as server:
        assert server.printed == f"leadscore listens on {server.url} (documentation: {server.url}/docs)\n"


def test_keys_are_never_made_for_a_postgres_of_its_own(postgres_url: str) -> None:
    with serving(postgres_url, keys={}) as server:
        assert "ls_" not in server.printed


async def send_across_a_stop(server: Server, count: int, answers: list[bytes]) -> None:
    """Begin requests, stop the server, and only then send the bodies. What is answered goes to `answers`."""
    host, port = server.url.removeprefix("http://").split(":")
    key = b64encode(f"{server.keys['write']}:".encode()).decode()
    ends = [await asyncio.open_connection(host, int(port)) for _ in range(count)]
    bodies = [json.dumps({"event": "Liked", "userId": "u1", "messageId": f"m{number}"}) for number in range(count)]
    for body, (reader, writer) in zip(bodies, ends, strict=True):
        lines = (
            "POST /v1/track HTTP/1.1",
            f"Host: {host}",
            f"Authorization: Basic {key}",
            f"Content-Length: {len(body)}",
        )
        writer.write("\r\n".join([*lines, "Expect: 100-continue", "", ""]).encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"  # the server waits for the body
    server.process.terminate()
    await until(lambda: not accepts(host, int(port)))
    for body, (_, writer) in zip(bodies, ends, strict=True):
        writer.write(body.encode())
    answers += [await reader.read() for reader, _ in ends]
    for _, writer in ends:
        writer.close()


def accepts(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def test_a_stop_answers_every_request_that_is_under_way(database_url: str) -> None:
    answers: list[bytes] = []
    with serving(database_url) as server:
        databases.run(send_across_a_stop(server, 50, answers))
        server.process.wait(timeout=30)
    assert [answer.partition(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 50
    with serving(database_url, server.keys) as again:
        assert again.ask("/v1/leads/lookup", user_id="u1")["event_count"] == 50


def test_serve_refuses_an_outdated_postgres_and_names_the_remedy(empty_postgres: str) -> None:
    done = run(empty_postgres, "serve", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "`leadscore migrate`" in one_sentence(done.stderr)


def test_settings_that_make_no_sense_are_named() -> None:
    wrong = {"port": "70000", "pool_size": "many", "log_level": "x"}
    variables = environment("mysql://x", **wrong)
    done = subprocess.run([COMMAND, "serve"], env=variables, capture_output=True, text=True, timeout=60, check=False)
    named = {line.partition(": ")[0] for line in done.stderr.splitlines()}
    assert done.returncode == 1
    assert named == {f"LEADSCORE_{name.upper()}" for name in ("database_url", *wrong)}


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all/x.db", "postgresql://nobody@127.0.0.1:9/none"])
def test_a_database_that_can_not_be_reached_is_one_sentence(url: str) -> None:
    done = run(url, "serve", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert " database" in one_sentence(done.stderr)


# --- migrate ----------------------------------------------------------------------------------------------------


@pytest.fixture
def empty_postgres(postgres_server: str) -> Any:
    from tests.databases import postgres_database  # noqa: PLC0415 - for this fixture alone

    with postgres_database(postgres_server) as url:
        yield url


def test_migrate_brings_a_database_up_to_date_once(empty_postgres: str) -> None:
    said = [run(empty_postgres, "migrate") for _ in range(2)]
    assert [done.returncode for done in said] == [0, 0]
    assert [done.stdout for done in said] == [
        "The schema is up to date now.\n",
        "The schema was up to date already.\n",
    ]


def test_several_migrations_at_once_run_one(empty_postgres: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(lambda _: run(empty_postgres, "migrate"), range(3)))
    assert [(done.returncode, done.stderr) for done in said] == [(0, "")] * 3
    assert sorted(done.stdout.split()[2] for done in said) == ["is", "was", "was"]


# --- keys -------------------------------------------------------------------------------------------------------


def test_a_key_is_printed_alone_listed_by_its_beginning_and_revoked(sqlite_url: str) -> None:
    made = run(sqlite_url, "keys", "create", "--kind", "read", "--name", "crm")
    secret = one_sentence(made.stdout)
    assert re.fullmatch(r"ls_read_[\w-]{43}", secret)
    listed = run(sqlite_url, "keys", "list").stdout
    [line] = [line for line in listed.splitlines() if line.endswith(" crm")]
    key_id, _, hint, *_ = line.split()
    assert secret.startswith(hint)
    assert secret not in listed
    assert run(sqlite_url, "keys", "revoke", key_id).stdout == "Revoked.\n"
    assert re.search(r"\d\d:\d\d .*\d\d:\d\d +crm$", run(sqlite_url, "keys", "list").stdout, re.MULTILINE)


def test_a_key_that_is_made_opens(sqlite_url: str) -> None:
    secret = run(sqlite_url, "keys", "create", "--kind", "read", "--name", "crm").stdout.strip()
    with serving(sqlite_url) as server:
        server.keys["read"] = secret
        assert server.ask("/v1/leads")["data"] == []


WRONG_KEYS = [
    ("create", "--kind", "read", "--name", "n" * 101),
    ("create", "--kind", "read", "--name", "n", "--origin", "https://x.test"),
    ("create", "--kind", "write", "--name", "n", "--origin", "x.test"),
    ("revoke", "01a20046-d29c-70d3-8b90-74ffe558f263"),
]


def test_keys_that_make_no_sense_are_refused_without_a_traceback(sqlite_url: str) -> None:
    said = [run(sqlite_url, "keys", *arguments) for arguments in WRONG_KEYS]
    assert [done.returncode > 0 for done in said] == [True] * len(WRONG_KEYS)
    assert [done.stdout for done in said] == [""] * len(WRONG_KEYS)
    assert [done.stderr for done in said if "Traceback" in done.stderr] == []


# --- import -----------------------------------------------------------------------------------------------------


def line(**fields: Any) -> str:
    return json.dumps({"type": "track", "event": "Liked", "userId": "u1", "timestamp": "2026-01-01T00:00:00Z"} | fields)


GOOD = [line(messageId="m1"), line(messageId="m2"), line(), line(), "", line(userId="u2")]
"""Six lines with five messages: two are alike and without an id, and one is blank."""


def totals(done: subprocess.CompletedProcess[str]) -> tuple[int, ...]:
    """Accepted, duplicates, refused."""
    match = re.fullmatch(r"([\d,]+) accepted, ([\d,]+) duplicates, ([\d,]+) refused\n", done.stdout)
    assert match, (done.stdout, done.stderr)
    return tuple(int(count.replace(",", "")) for count in match.groups())


def test_a_file_is_imported_and_again_without_effect(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text("\n".join(GOOD))
    first, second = run(database_url, "import", str(file)), run(database_url, "import", str(file))
    assert (totals(first), first.returncode) == ((5, 0, 0), 0)
    assert (totals(second), second.returncode) == ((0, 5, 0), 0)


def test_a_gzipped_file_and_standard_input_are_the_same_history(sqlite_url: str, tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(GOOD).encode()))
    assert totals(run(sqlite_url, "import", str(file))) == (5, 0, 0)
    assert totals(run(sqlite_url, "import", "-", input="\n".join(GOOD))) == (0, 5, 0)


def test_lines_that_are_refused_are_told_by_number_and_the_others_kept(sqlite_url: str) -> None:
    lines = [line(messageId="m1"), "{", line(userId=None), "", line(messageId="m2"), "[]", line(note=1, type="dance")]
    done = run(sqlite_url, "import", "-", input="\n".join(lines))
    assert (totals(done), done.returncode) == ((2, 0, 4), 1)
    assert re.findall(r"^line (\d+): ([\w-]+): .+", done.stderr, re.MULTILINE) == [
        ("2", "malformed-json"),
        ("3", "invalid-identity"),
        ("6", "validation-error"),
        ("7", "validation-error"),
    ]


def test_an_import_is_trusted_and_scored(sqlite_url: str) -> None:
    message = line(event="Order Completed", messageId="m1")
    assert totals(run(sqlite_url, "import", "-", "--source", "crm", input=message)) == (1, 0, 0)
    with serving(sqlite_url) as server:
        lead = server.ask("/v1/leads/lookup", user_id="u1")
        [event] = server.ask(f"/v1/leads/{lead['id']}/events")["data"]
    assert (lead["stage"], event["source"], event["occurred_at"]) == ("customer", "crm", "2026-01-01T00:00:00Z")


def test_a_file_that_can_not_be_read_is_one_sentence(sqlite_url: str, tmp_path: Path) -> None:
    cut, plain = tmp_path / "cut.jsonl.gz", tmp_path / "plain.jsonl.gz"
    cut.write_bytes(gzip.compress("\n".join(GOOD).encode())[:-12])
    plain.write_text("\n".join(GOOD))
    for file in (cut, plain, tmp_path / "missing.jsonl"):
        done = run(sqlite_url, "import", str(file))
        assert (done.returncode, done.stdout) == (1, ""), file
        assert str(file) in one_sentence(done.stderr)


# --- model ------------------------------------------------------------------------------------------------------

MODEL = """
name: tiny
signals: {liked: {on: Liked}}
scores: {engagement: {rules: {likes: {signal: liked, points: 5}}}}
stages: [{name: interest}, {name: fan, when: {score: engagement, gte: 10}}]
examples:
  - name: two likes make a fan
    given: [{event: Liked}, {event: Liked}]
    expect: {stage: fan}
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "model.yaml"
    file.write_text(MODEL)
    return file


def test_a_models_examples_are_run(sqlite_url: str, model: Path) -> None:
    done = run(sqlite_url, "model", "test", str(model))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == ["holds   two likes make a fan", "1 of 1 examples hold."]


def test_an_example_that_fails_is_told(sqlite_url: str, model: Path) -> None:
    model.write_text(MODEL.replace("gte: 10", "gte: 11"))
    done = run(sqlite_url, "model", "test", str(model))
    assert done.returncode == 1
    assert "failed  two likes make a fan" in done.stderr


def test_a_model_whose_examples_fail_is_not_applied(sqlite_url: str, model: Path) -> None:
    model.write_text(MODEL.replace("gte: 10", "gte: 11"))
    done = run(sqlite_url, "model", "apply", str(model))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "The model was not applied: its examples fail."
    with closing(sqlite3.connect(sqlite_url.partition(":///")[2])) as database:
        assert database.execute("SELECT count(*) FROM models WHERE document LIKE '%tiny%'").fetchone() == (0,)


def test_a_model_that_is_applied_scores_everybody_anew(sqlite_url: str, model: Path) -> None:
    run(sqlite_url, "import", "-", input="\n".join([*GOOD, line(messageId="m9")]))
    done = run(sqlite_url, "model", "apply", str(model))
    assert (done.returncode, done.stdout) == (0, "Version 2 of the model is active; 1 leads changed their stage.\n")
    assert run(sqlite_url, "model", "apply", str(model)).stdout.endswith("; 0 leads changed their stage.\n")
    with serving(sqlite_url) as server:
        [fan] = server.ask("/v1/leads", stage="fan")["data"]
    assert (fan["identities"]["user_id"], fan["scores"]["engagement"]["value"]) == (["u1"], 25.0)


FAULTS = {
    "points: 5": ("points: many", "scores.engagement.rules.likes.points"),
    "signal: liked": ("signal: '[/bold] loved'", "scores.engagement.rules.likes.signal"),
    "gte: 10": ("over: 10", "stages[1].when"),
    "name: tiny": ("title: tiny", "name"),
    "liked: {on": ("'[/x]': {off", "signals.[/x]"),
}


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """`leadscore …` in this process, for what needs no database: what it says on standard error as it fails."""

    def fail(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["leadscore", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert (end.value.code, said.out) == (1, "")
        return said.err

    return fail


@pytest.mark.parametrize("command", ["test", "apply"])
def test_every_fault_of_a_model_is_told_by_its_path(model: Path, say: Callable[..., str], command: str) -> None:
    for good, (bad, path) in FAULTS.items():
        model.write_text(MODEL.replace(good, bad))
        assert path in say("model", command, str(model))


def test_what_is_no_model_is_refused_in_a_sentence(model: Path, say: Callable[..., str]) -> None:
    for content in (b"", b"- a\n", b"{", b"\xff\xfe", b"a: &a [*a]\n", b"name: [x\n"):
        model.write_bytes(content)
        assert say("model", "test", str(model)).strip()


# --- Real history -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not TRIALS.exists(), reason="the trials' data is not part of the project")
def test_real_trials_are_imported_once_and_staged(sqlite_url: str) -> None:
    applied = run(sqlite_url, "model", "apply", str(ROOT / "docs" / "examples" / "trial-product.yaml"))
    assert applied.returncode == 0
    assert totals(run(sqlite_url, "import", str(TRIALS))) == (4_879, 0, 0)
    assert totals(run(sqlite_url, "import", str(TRIALS))) == (0, 4_879, 0)
    with serving(sqlite_url, make_keys(sqlite_url)) as server:
        shown = httpx.get(f"{server.url}/metrics").text
    stages = dict(re.findall(r'^leadscore_leads\{stage="(\w+)"\} ([\d.]+)$', shown, re.MULTILINE))
    assert sum(map(float, stages.values())) == 746
    assert min(map(float, stages.values())) > 0
    assert set(stages) >= {"lead", "mql", "pql", "sql"}
