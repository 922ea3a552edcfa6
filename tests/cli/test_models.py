"""`leadscore model …`: a model is checked, compared, listed and shown, from a file or by its version."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.services.models import starter_text
from tests.api.server import run, serving
from tests.cli.harness import MODEL, one_sentence

NOWHERE = "sqlite:////nowhere/at/all/x.db"


def told(url: str, *arguments: str, status: int = 0) -> Any:
    """What a command prints with `--json`, which has to be one document, and nothing beside it."""
    done = run(url, "model", *arguments, "--json")
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A model that counts other events, gives more points and has a rung that nobody can reach."""
    file = tmp_path / "other.yaml"
    text = MODEL.replace("on: Liked", "on: [Liked, Shared]").replace("points: 5", "points: 6, max_points: 30")
    file.write_text(text.replace("gte: 10}}]", "gte: 10}}, {name: hero, when: {score: engagement, gte: 31}}]"))
    return file


def test_a_model_without_warnings_is_reported_as_such(model: Path) -> None:
    done = run(NOWHERE, "model", "lint", str(model))
    assert (done.returncode, done.stdout, done.stderr) == (0, "No warnings.\n", "")


def test_warnings_name_the_place_and_the_remedy(other: Path) -> None:
    done = run(NOWHERE, "model", "lint", str(other))
    assert (done.returncode, done.stderr) == (1, "")
    first, remedy, *_, last = done.stdout.splitlines()
    assert first == "unreachable-threshold stages[2].when.gte"
    assert "move the threshold" in remedy
    assert last == "2 warnings."
    assert [warning["path"] for warning in told(NOWHERE, "lint", str(other), status=1)["warnings"]] == [
        "stages[2].when.gte",
        "stages[2].when",
    ]


def test_a_models_examples_are_run(model: Path) -> None:
    done = run(NOWHERE, "model", "test", str(model))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["holds   two likes make a fan", "1 of 1 example holds."]


def test_a_failing_example_is_reported(model: Path) -> None:
    model.write_text(MODEL.replace("gte: 10", "gte: 11"))
    done = run(NOWHERE, "model", "test", str(model))
    assert done.returncode == 1
    assert done.stdout.startswith("failed  two likes make a fan\n        stage is interest, expected fan\n")
    failures = ["stage is interest, expected fan"]
    assert told(NOWHERE, "test", str(model), status=1) == {
        "examples": [{"name": "two likes make a fan", "holds": False, "failures": failures}]
    }


def test_two_files_are_compared_without_a_database(model: Path, other: Path) -> None:
    done = run(NOWHERE, "model", "diff", str(other), "--with", str(model))
    assert done.returncode == 0
    signal, rule, stage = done.stdout.splitlines()
    assert signal.startswith("~* signal liked: counts other events now")
    assert (rule[:2], stage[:2]) == ("~ ", "+ ")
    assert one_sentence(done.stderr) == "* 1 signal must be recounted from the event log."


def test_the_exit_status_of_a_comparison_shows_differences_on_request(model: Path, other: Path) -> None:
    same = run(NOWHERE, "model", "diff", str(model), "--with", str(model), "--exit-code")
    assert (same.returncode, same.stdout, same.stderr) == (0, "No differences.\n", "")
    assert run(NOWHERE, "model", "diff", str(other), "--with", str(model), "--exit-code").returncode == 1


def test_a_file_is_compared_with_the_active_version(sqlite_url: str, model: Path) -> None:
    run(sqlite_url, "model", "publish", str(model))
    assert run(sqlite_url, "model", "diff", str(model)).stdout == "No differences.\n"
    different = told(sqlite_url, "diff", str(model), "--with", "1")
    assert (different["before"], different["after"]) == (1, None)
    assert {difference["noun"] for difference in different["differences"]} >= {"signal", "rule", "stage"}


def test_versions_are_listed_with_their_state_and_note(sqlite_url: str, model: Path) -> None:
    run(sqlite_url, "model", "publish", str(model), "--note", "[bold]tiny[/x]\n\x1b[31mnew")
    head, latest, first = run(sqlite_url, "model", "list").stdout.splitlines()
    assert head.split() == ["version", "state", "name", "published", "created", "note"]
    assert latest.split()[:3] == ["2", "active", "tiny"]
    assert latest.endswith("  [bold]tiny[/x]  [31mnew")
    assert first.split()[:3] == ["1", "retired", "starter"]
    assert [version["state"] for version in told(sqlite_url, "list")["data"]] == ["active", "retired"]


def test_a_model_is_shown_as_it_was_written(sqlite_url: str, model: Path) -> None:
    assert run(sqlite_url, "model", "show").stdout == starter_text()
    model.write_text(f"# ours\n{MODEL}")
    assert run(NOWHERE, "model", "show", str(model)).stdout == model.read_text()
    run(sqlite_url, "model", "publish", str(model))
    assert run(sqlite_url, "model", "show").stdout == model.read_text()
    assert run(sqlite_url, "model", "show", "1").stdout == starter_text()
    assert (told(NOWHERE, "show", str(model))["name"], told(sqlite_url, "show")["version"]) == ("tiny", 2)


def test_json_output_equals_the_apis_answer(sqlite_url: str, model: Path) -> None:
    run(sqlite_url, "model", "publish", str(model))
    with serving(sqlite_url) as server:
        assert told(sqlite_url, "list") == server.ask("/v1/models")
        assert told(sqlite_url, "show", "1") == server.ask("/v1/models/1")
        assert told(sqlite_url, "diff", "2", "--with", "1") == server.ask("/v1/models/2/diff", **{"with": "1"})


FAULTS = {
    "points: 5": ("points: many", "scores.engagement.rules.likes.points"),
    "signal: liked": ("signal: '[/bold] loved'", "scores.engagement.rules.likes.signal"),
    "gte: 10": ("over: 10", "stages[1].when"),
    "name: tiny": ("title: tiny", "name"),
    "liked: {on": ("'[/x]': {off", "signals.[/x]"),
}


@pytest.mark.parametrize("command", ["lint", "test", "diff", "show", "preview", "publish", "apply"])
def test_every_fault_of_a_model_is_reported_by_its_path(model: Path, say: Callable[..., str], command: str) -> None:
    for good, (bad, path) in FAULTS.items():
        model.write_text(MODEL.replace(good, bad))
        assert path in say("model", command, str(model))


def test_a_document_that_is_not_a_model_is_refused_in_one_sentence(model: Path, say: Callable[..., str]) -> None:
    for content in (b"", b"- a\n", b"{", b"\xff\xfe", b"a: &a [*a]\n", b"name: [x\n"):
        model.write_bytes(content)
        assert say("model", "test", str(model)).strip()


@pytest.mark.parametrize("command", ["lint", "test", "diff", "show", "preview", "publish"])
def test_a_missing_file_is_reported_in_one_sentence(tmp_path: Path, say: Callable[..., str], command: str) -> None:
    file = str(tmp_path / "[x].yaml")
    assert file in one_sentence(say("model", command, file))


@pytest.mark.parametrize("version", ["0", "7", "99999999999999999999"])
def test_a_missing_version_is_reported_in_one_sentence(database_url: str, version: str) -> None:
    for command in ("diff", "show", "preview", "publish"):
        done = run(database_url, "model", command, version)
        assert (done.returncode, done.stdout) == (1, "")
        assert "`leadscore model list`" in one_sentence(done.stderr)
