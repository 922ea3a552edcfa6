"""`leadscore model evaluate`: what a model makes of messages in a file, or on standard input, with nothing stored."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.server import run
from tests.cli.harness import GOOD, MODEL, line, one_sentence

NOWHERE = "sqlite:////nowhere/at/all/x.db"
TABLES = """\
Stage fan, by the file's model, as of 2026-01-02 00:00 UTC
  because:
    score engagement gte 10 (is 25)

Score engagement 25
       signal  hits    last hit  points
likes  liked      5  2026-01-01      25
"""


def test_messages_are_evaluated_with_every_point_and_no_database(model: Path) -> None:
    asked = ("model", "evaluate", str(model), "-", "--as-of", "2026-01-02T00:00:00Z")
    done = run(NOWHERE, *asked, input="\n".join(GOOD))
    assert (done.returncode, done.stdout, done.stderr) == (0, TABLES, "")
    a_list = run(NOWHERE, *asked, input=f" [{','.join(filter(None, GOOD))}]")
    assert a_list.stdout == TABLES


def test_an_evaluation_as_json_is_the_apis_answer(model: Path) -> None:
    done = run(NOWHERE, "model", "evaluate", str(model), "-", "--json", input=line())
    shown = json.loads(done.stdout)
    assert (shown["stage"], shown["model_version"]) == ("interest", None)
    assert shown["stage_reason"]["next"]["missing"]["short_by"] == 5
    [entry] = shown["scores"]["engagement"]["ledger"]
    assert (entry["rule"], entry["hits"], entry["points"]) == ("likes", 1, 5)


def test_a_version_in_the_database_evaluates_too(sqlite_url: str) -> None:
    done = run(sqlite_url, "model", "evaluate", "active", "-", input=line(event="Order Completed"))
    assert done.stdout.startswith("Stage customer, by version 1, as of ")


def test_untrusted_messages_do_not_count_for_trusted_signals(model: Path) -> None:
    model.write_text(MODEL.replace("on: Liked", "on: Liked, trusted: true"))
    done = run(NOWHERE, "model", "evaluate", str(model), "-", "--untrusted", input=line())
    assert "\n  missing for fan, the next stage:\n    score engagement gte 10 (is 0, short by 10)\n" in done.stdout


BAD = {
    "{}\n\n{": "messages.json is not valid JSON at column 2. Messages must be JSON lines or one JSON list.",
    '[{"type": "track"}, 1]': "messages[1]: ",
    "[1,\n2": "messages.json is not valid JSON at line 2, column 2. Messages must be",
    '{"type": "track", "event": "A"}\n\n{"type": "dance"}\n': "line 3: ",
}


@pytest.mark.parametrize("content", BAD)
def test_an_invalid_message_is_reported_by_its_place(model: Path, say: Callable[..., str], content: str) -> None:
    file = model.with_name("messages.json")
    file.write_text(content)
    said = say("model", "evaluate", str(model), str(file))
    assert BAD[content] in said
    assert "body" not in said


def test_a_line_that_is_not_json_is_reported_by_its_number(model: Path) -> None:
    done = run(NOWHERE, "model", "evaluate", str(model), "-", input="{}\n\n{ \n")
    assert one_sentence(done.stderr).startswith("Line 3 of standard input is not valid JSON at column 2.")


def test_invalid_arguments_are_refused_in_one_sentence(model: Path, say: Callable[..., str]) -> None:
    assert "--as-of yesterday" in one_sentence(say("model", "evaluate", str(model), "-", "--as-of", "yesterday"))
    assert "missing.json" in one_sentence(say("model", "evaluate", str(model), "missing.json"))
