"""`leadscore model preview`: what publishing a model would change, with nothing changed."""

import json
from pathlib import Path

from tests.api.server import run, serving
from tests.cli.harness import GOOD, MODEL


def imported(url: str, model: Path) -> None:
    """Two leads of which one is a fan by this model, which is active."""
    assert run(url, "model", "publish", str(model)).returncode == 0
    assert run(url, "import", "-", input="\n".join(GOOD)).returncode == 0


TABLES = """\
What the file's model would change, over 2 leads (active: version 2)

Leads by stage
stage     before  after  change
interest       1      0      -1
fan            1      2      +1

From (row) to (column)
          fan
interest    1
fan         1

Score engagement
        mean   min   p10   p25  median   p75   p90   max
before  12.5   5.0   5.0   5.0     5.0  20.0  20.0  20.0
after   25.0  10.0  10.0  10.0    10.0  40.0  40.0  40.0
"""


def test_a_preview_shows_stages_scores_and_the_biggest_movers(database_url: str, model: Path) -> None:
    imported(database_url, model)
    model.write_text(MODEL.replace("points: 5", "points: 10"))
    done = run(database_url, "model", "preview", str(model))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(TABLES)
    assert "\n1 lead changes its stage: --notify all would send a notification for each.\n" in done.stdout
    lines = done.stdout.splitlines()
    movers = lines[lines.index("Leads that move most") + 1 :]
    assert [line[-15:].split() for line in movers] == [
        ["before", "after"],
        ["fan", "fan"],
        ["20", "40"],
        ["20", "40"],
        ["interest", "fan"],
        ["5", "10"],
        ["5", "10"],
    ]
    assert max(map(len, lines)) <= 80


def test_a_preview_changes_nothing(sqlite_url: str, model: Path) -> None:
    imported(sqlite_url, model)
    model.write_text(MODEL.replace("points: 5", "points: 10"))
    run(sqlite_url, "model", "preview", str(model))
    with serving(sqlite_url) as server:
        assert len(server.ask("/v1/models")["data"]) == 2
        assert len(server.ask("/v1/leads", stage="fan")["data"]) == 1


def test_a_preview_of_a_sample_says_so_and_its_json_is_the_apis(sqlite_url: str, model: Path) -> None:
    imported(sqlite_url, model)
    done = run(sqlite_url, "model", "preview", "1", "--sample", "1")
    assert done.stdout.startswith("What version 1 would change, over 1 lead, of 2 in all (active: version 2)")
    seen = json.loads(run(sqlite_url, "model", "preview", "1", "--json").stdout)
    assert (seen["before"], seen["after"], seen["evaluated"], seen["leads"]) == (2, 1, 2, 2)


def test_a_preview_without_leads_is_readable(sqlite_url: str) -> None:
    done = run(sqlite_url, "model", "preview", "active")
    assert (done.returncode, done.stderr) == (0, "")
    assert "over 0 leads" in done.stdout
