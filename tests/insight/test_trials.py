"""Proposals on real trials reach what is promised.

We may not distribute the data (see benchmarks/README.md). Without it, these tests are skipped.
"""

import csv
import gzip
import json
import os
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.insight.document import SCORE
from app.insight.evaluations import evaluations
from app.insight.histories import History
from app.insight.proposals import propose
from app.insight.questions import Question
from app.insight.report import Proposal
from app.insight.snapshots import After, lead_days, take_snapshots
from app.scoring.engine import compile_model
from app.scoring.events import Event, Identity
from app.scoring.lint import lint
from app.scoring.model import load_model

ROOT = Path(__file__).parents[2]
TRIALS = Path(os.environ.get("LEADSCORE_TEST_TRIALS", ROOT.parent / "shared" / "data" / "trials.jsonl.gz"))
PASSED_WITHIN_DAYS = 90
QUESTION = Question("project_passed", PASSED_WITHIN_DAYS, now=datetime(2026, 1, 1, tzinfo=UTC), schedule=After(days=7))


@pytest.fixture(scope="module")
def histories() -> list[History]:
    if not TRIALS.exists():
        pytest.skip(f"the real trials are not at {TRIALS}: set LEADSCORE_TEST_TRIALS to where trials.jsonl.gz lies")
    with TRIALS.with_name("trials-passed.csv").open(newline="") as rows:
        passed = {row["userId"]: row["label"] == "1" for row in csv.DictReader(rows)}
    by_user = defaultdict(list)
    with gzip.open(TRIALS, "rt") as lines:
        for message in map(json.loads, lines):
            by_user[message["userId"]].append(as_event(message))
    return [history(user, events, passed=passed[user]) for user, events in by_user.items()]


def history(user: str, events: list[Event], *, passed: bool) -> History:
    joined = next(date.fromisoformat(event.traits["joined_on"]) for event in events if event.traits)
    return History(user, events, joined + timedelta(days=PASSED_WITHIN_DAYS) if passed else None, joined)


def as_event(message: dict[str, Any]) -> Event:
    at = datetime.fromisoformat(message["timestamp"])
    return Event(
        id=UUID(message["messageId"]),
        source="trials",
        message_id=message["messageId"],
        type=message["type"],
        name=message.get("event", "Identified"),
        identities=(Identity("user_id", message["userId"]),),
        occurred_at=at,
        received_at=at,
        trusted=True,
        properties=message.get("properties", {}),
        context={},
        traits=message.get("traits", {}),
    )


@pytest.fixture(scope="module")
def proposal(histories: list[History]) -> Proposal:
    return propose(histories, QUESTION)


def test_few_rules_predict_who_passes(proposal: Proposal) -> None:
    assert proposal.counted.leads == 746
    assert len(proposal.rules) <= 12
    assert proposal.accuracy.held_out.value >= 0.735
    assert proposal.accuracy.newest is not None
    assert proposal.accuracy.newest >= 0.760
    assert proposal.accuracy.log_loss <= 0.610


def test_they_predict_no_worse_than_logistic_regression(proposal: Proposal) -> None:
    assert proposal.accuracy.held_out.value >= proposal.others.logistic_regression - 0.002


def test_the_document_is_clean_and_scores_as_promised(histories: list[History], proposal: Proposal) -> None:
    model = load_model(proposal.document)
    assert lint(model) == ()
    snapshots = take_snapshots(lead_days(histories), QUESTION.schedule, QUESTION.within_days, QUESTION.now)
    found = evaluations(compile_model(model, version=1), histories, snapshots)
    assert [each.values[SCORE] for each in found] == proposal.scores.tolist()


def test_the_same_proposal_is_made_again(histories: list[History], proposal: Proposal) -> None:
    assert propose(histories, QUESTION).document == proposal.document
