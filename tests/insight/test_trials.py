"""Proposals on real trials reach what is promised."""

from datetime import UTC, date, datetime, timedelta

import pytest

from app.insight.document import SCORE
from app.insight.evaluations import evaluations
from app.insight.histories import History
from app.insight.proposals import propose
from app.insight.questions import Question
from app.insight.report import Proposal
from app.insight.snapshots import After, lead_days, take_snapshots
from app.scoring.engine import compile_model
from app.scoring.events import Event
from app.scoring.lint import lint
from app.scoring.model import load_model
from tests.trials import read_successes, read_trials

PASSED_WITHIN_DAYS = 90
QUESTION = Question("project_passed", PASSED_WITHIN_DAYS, now=datetime(2026, 1, 1, tzinfo=UTC), schedule=After(days=7))


@pytest.fixture(scope="module")
def histories() -> list[History]:
    trials, passed = read_trials(), read_successes()
    return [history(user, events, passed=passed[user]) for user, events in trials.items()]


def history(user: str, events: list[Event], *, passed: bool) -> History:
    joined = next(date.fromisoformat(event.traits["joined_on"]) for event in events if event.traits)
    return History(user, events, joined + timedelta(days=PASSED_WITHIN_DAYS) if passed else None, joined)


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
