"""`leadscore model propose` and `leadscore model backtest`, from imported history to a model that can be published."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.documents.backtests import BacktestsDocument
from app.scoring.events import Event
from tests.api.server import fresh_database, run
from tests.cli.harness import one_sentence
from tests.insight.world import market

OUTCOME = ("--outcome", "order_completed", "--within", "60")


def message(event: Event) -> str:
    common = {
        "userId": event.identities[0].value,
        "messageId": f"{event.identities[0].value}-{event.message_id}",
        "timestamp": event.occurred_at.isoformat(),
    }
    if event.type == "identify":
        return json.dumps(common | {"type": "identify", "traits": event.traits})
    return json.dumps(
        common | {"type": "track", "event": event.name, "properties": event.properties, "context": event.context}
    )


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with the made-up market."""
    with fresh_database(request, "sqlite") as url:
        lines = "\n".join(message(event) for history in market(400) for event in history.events)
        assert run(url, "import", "-", input=lines).returncode == 0
        yield url


@pytest.fixture(scope="module")
def proposed(url: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The model in a file, and the report."""
    done = run(url, "model", "propose", *OUTCOME, "--after", "14", "--capacity", "3/week", "--rules", "8")
    assert done.returncode == 0, done.stderr
    file = tmp_path_factory.mktemp("proposed") / "model.yaml"
    file.write_text(done.stdout)
    return file, done.stderr


def test_a_proposed_model_passes_its_checks(url: str, proposed: tuple[Path, str]) -> None:
    file, _ = proposed
    assert run(url, "model", "lint", str(file)).stdout == "No warnings.\n"
    assert run(url, "model", "test", str(file)).returncode == 0
    assert run(url, "model", "preview", str(file)).stdout.startswith(
        "What the file's model would change, over 400 leads"
    )


def test_the_report_says_on_what_and_how_good(proposed: tuple[Path, str]) -> None:
    _, report = proposed
    assert report.startswith(
        "400 snapshots of 400 leads, of which 150 had the outcome; it followed 37.5% of the snapshots"
    )
    titles = ["AUC on held-out leads", "Rules", "AUC by number of rules", "Thresholds", "Not used"]
    assert [title for title in titles if f"\n{title}\n" not in report] == []
    assert "engagement of the active model" in report
    assert "Order Completed  event  outcome" in report
    assert "Warning: Only 150 leads" in report


def test_a_backtest_shows_how_well_each_score_predicts(url: str, proposed: tuple[Path, str]) -> None:
    file, _ = proposed
    done = run(url, "model", "backtest", str(file), *OUTCOME, "--after", "14", "--with", "active")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Score propensity\n400 snapshots of 400 leads")
    assert "Much of the history was imported" in done.stdout
    assert "AUC of the other model 0." in done.stdout
    titles = ["Tenths by score", "At or above a score", "In a stage or a higher one", "In a band"]
    assert [title for title in titles if f"\n{title}\n" not in done.stdout] == []


def test_a_report_is_also_given_as_json(url: str) -> None:
    done = run(url, "model", "backtest", "active", *OUTCOME, "--after", "14", "--json")
    reports = json.loads(done.stdout)
    assert BacktestsDocument.model_validate(reports).model_dump(mode="json") == reports  # as in the result of a job
    assert set(reports) == {"engagement", "fit"}
    assert reports["fit"]["counted"] == {"leads": 400, "leads_with_outcome": 150, "snapshots": 400, "base_rate": 0.375}
    assert 0 < reports["engagement"]["auc"]["low"] < reports["engagement"]["auc"]["high"] < 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["propose", "--outcome", "nonsense", "--within", "60"], "0 leads had the outcome nonsense after a snapshot"),
        (["propose", *OUTCOME, "--capacity", "50"], "--capacity is a number of leads a week, such as 50/week."),
        (["propose", *OUTCOME, "--capacity", "5/week", "--precision", "0.5"], "--capacity and --precision exclude"),
        (["backtest", "active", *OUTCOME, "--at", "2025-01-02", "--after", "3"], "--at and --after exclude each other"),
        (["propose", *OUTCOME, "--precision", "0"], "--precision: must be more than 0"),
        (["backtest", "active", *OUTCOME, "--at", "2099-01-02"], "The 60 days after 2099-01-02 are not over until"),
    ],
    ids=["unknown outcome", "capacity", "two goals", "two schedules", "precision", "future"],
)
def test_what_cannot_be_answered_is_refused_in_one_sentence(url: str, arguments: list[str], sentence: str) -> None:
    done = run(url, "model", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert one_sentence(done.stderr).startswith(sentence)
