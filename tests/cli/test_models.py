"""`leadscore model …`: examples are run, faults are told by their path, and a model is applied if its examples hold."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.api.server import run, serving
from tests.cli.harness import GOOD, MODEL, line


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


@pytest.mark.parametrize("command", ["test", "apply"])
def test_every_fault_of_a_model_is_told_by_its_path(model: Path, say: Callable[..., str], command: str) -> None:
    for good, (bad, path) in FAULTS.items():
        model.write_text(MODEL.replace(good, bad))
        assert path in say("model", command, str(model))


def test_what_is_no_model_is_refused_in_a_sentence(model: Path, say: Callable[..., str]) -> None:
    for content in (b"", b"- a\n", b"{", b"\xff\xfe", b"a: &a [*a]\n", b"name: [x\n"):
        model.write_bytes(content)
        assert say("model", "test", str(model)).strip()
