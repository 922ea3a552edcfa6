"""Proposals on a made-up market: a valid model that scores as promised, and refusals where nothing can be learned."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from app.errors import NoBetterThanChance, TooFewOutcomes
from app.insight.document import SCORE
from app.insight.evaluations import evaluations
from app.insight.histories import History
from app.insight.proposals import propose
from app.insight.questions import Question, Wishes
from app.insight.report import Proposal
from app.insight.snapshots import After, Every, Schedule, lead_days, take_snapshots
from app.insight.thresholds import Capacity, Goal, Precision
from app.scoring.engine import CompiledModel, compile_model
from app.scoring.events import Event
from app.scoring.lint import lint
from app.scoring.model import load_model
from tests.insight.world import NOW, QUESTION, event, market, planted, shuffled

HISTORIES = market()
QUICK = Wishes(max_rules=8)


@pytest.fixture(scope="module")
def proposal() -> Proposal:
    return propose(HISTORIES, QUESTION)


def compiled(proposal: Proposal) -> CompiledModel:
    return compile_model(load_model(proposal.document), version=1)


def test_the_document_is_valid_and_the_linter_finds_nothing(proposal: Proposal) -> None:
    assert lint(load_model(proposal.document)) == ()


def test_what_makes_leads_buy_is_found(proposal: Proposal) -> None:
    signals = " ".join(proposal.document["signals"])
    assert "demo_requested" in signals
    assert "feature_used" in signals
    assert any(name.startswith("employees_at_least") for name in proposal.document["scores"][SCORE]["rules"])


def test_causes_give_points_and_their_leads_buy_more_often(proposal: Proposal) -> None:
    demo = next(rule for rule in proposal.rules if rule.name.startswith("demo_requested"))
    assert demo.points > 0
    assert demo.spread.low <= demo.points <= demo.spread.high
    assert demo.spread.same_sign > 0.9
    assert demo.rate_with.low > demo.rate_without.high


def test_personal_data_is_no_candidate(proposal: Proposal) -> None:
    assert "lead-0" not in str(proposal.document)


def test_a_lead_with_the_outcome_is_in_the_last_stage(proposal: Proposal) -> None:
    assert proposal.document["signals"]["order_completed"] == {"on": "Order Completed"}
    assert proposal.document["stages"][-1] == {"name": "order_completed", "when": {"signal": "order_completed"}}


@pytest.mark.parametrize("schedule", [After(14), Every(60)], ids=str)
def test_the_engine_gives_every_lead_the_score_that_was_promised(schedule: Schedule) -> None:
    question = replace(QUESTION, schedule=schedule)
    proposal = propose(HISTORIES, question, QUICK)
    snapshots = take_snapshots(lead_days(HISTORIES), schedule, question.within_days, NOW)
    scores = [each.values[SCORE] for each in evaluations(compiled(proposal), HISTORIES, snapshots)]
    assert len(scores) >= 500
    assert scores == proposal.scores.tolist()


def test_a_proposal_is_the_same_every_time_and_in_any_order_of_events(proposal: Proposal) -> None:
    reordered = [replace(each, events=each.events[::-1]) for each in HISTORIES]
    again = propose(reordered, QUESTION)
    assert again.document == proposal.document
    assert again.accuracy == proposal.accuracy


def test_accuracy_is_near_that_of_logistic_regression(proposal: Proposal) -> None:
    assert proposal.accuracy.held_out.value > proposal.others.logistic_regression - 0.02
    assert proposal.accuracy.held_out.low > 0.5


def test_tenths_have_about_as_many_outcomes_as_expected(proposal: Proposal) -> None:
    assert sum(tenth.rows for tenth in proposal.tenths) == 500
    assert sum(tenth.had.low <= tenth.mean <= tenth.had.high for tenth in proposal.tenths) >= 8


def test_probabilities_double_their_odds_about_every_ten_points(proposal: Proposal) -> None:
    odds = [chance / (1 - chance) for chance in proposal.probabilities.values()]
    ratios = np.array(odds[1:]) / np.array(odds[:-1])
    assert ((ratios > 1.5) & (ratios < 2.5)).all()


def test_no_more_rules_are_proposed_than_wished() -> None:
    assert len(propose(HISTORIES, QUESTION, Wishes(max_rules=3)).rules) <= 3


@pytest.mark.parametrize("goal", [Capacity(3), Precision(0.6)], ids=str)
def test_the_threshold_of_sql_meets_the_goal(goal: Goal) -> None:
    proposal = propose(HISTORIES, QUESTION, replace(QUICK, goal=goal))
    mql, sql = proposal.thresholds
    assert mql.score < sql.score
    if isinstance(goal, Capacity):
        assert 0 < sql.leads_a_week <= 3
    else:
        assert sql.precision.value >= 0.6


def test_a_goal_that_no_score_meets_is_mentioned() -> None:
    warnings = propose(HISTORIES, QUESTION, replace(QUICK, goal=Precision(1.0))).warnings
    assert any(warning.startswith("No score meets the goal") for warning in warnings)


def test_what_is_to_be_excluded_is_not_used() -> None:
    wishes = replace(QUICK, exclude=frozenset({"feature used", "employees"}))
    proposal = propose(HISTORIES, QUESTION, wishes)
    assert "feature" not in str(proposal.document)
    assert "employees" not in str(proposal.document)
    requested = {each.name for each in proposal.excluded if each.reason == "requested"}
    assert requested == {"Feature Used", "employees"}


def test_the_signals_of_the_active_model_are_used_under_their_own_names() -> None:
    signals = {"asked_for_a_demo": {"on": "Demo Requested"}, "tried": {"on": "Feature Used"}}
    rules = {name: {"signal": name, "points": 5} for name in signals}
    document = {"name": "own", "signals": signals, "scores": {"fit": {"rules": rules}}, "stages": [{"name": "lead"}]}
    active = compile_model(load_model(document), version=1)
    proposal = propose(HISTORIES, QUESTION, replace(QUICK, active=active))
    assert proposal.document["signals"]["asked_for_a_demo"] == {"on": "Demo Requested"}
    assert proposal.others.active["fit"] > 0.6


def test_traits_that_only_secret_keys_may_set_stay_trusted() -> None:
    def claimed(history: History) -> Sequence[Event]:
        day = history.events[0].occurred_at.date()
        public = event(history.lead_id, day, "Identified", traits={"employees": 1}, hour=12, number=1)
        return [replace(public, trusted=False)]

    document = {"name": "own", "traits": {"employees": {"trusted": True}}, "stages": [{"name": "lead"}]}
    histories, wishes = (
        planted(HISTORIES, claimed),
        replace(QUICK, active=compile_model(load_model(document), version=1)),
    )
    proposal = propose(histories, QUESTION, wishes)
    assert proposal.document["traits"] == {"employees": {"trusted": True}}
    assert lint(load_model(proposal.document)) == ()
    snapshots = take_snapshots(lead_days(histories), QUESTION.schedule, QUESTION.within_days, NOW)
    scores = [each.values[SCORE] for each in evaluations(compiled(proposal), histories, snapshots)]
    assert scores == proposal.scores.tolist()


def test_fewer_than_a_hundred_outcomes_are_refused() -> None:
    buyers = [each for each in HISTORIES if each.outcome_on is not None]
    others = [each for each in HISTORIES if each.outcome_on is None]
    with pytest.raises(TooFewOutcomes, match=r"99 leads had the outcome order_completed .* at least 100 are needed"):
        propose([*buyers[:99], *others], QUESTION)
    with pytest.raises(TooFewOutcomes, match="99 leads did not have"):
        propose([*buyers, *others[:99]], QUESTION)


def test_outcomes_that_were_shuffled_are_refused() -> None:
    with pytest.raises(NoBetterThanChance, match="Nothing predicts order_completed within 60 days") as refused:
        propose(shuffled(market(1_500)), QUESTION, QUICK)
    assert 0.45 <= refused.value.auc <= 0.55


def test_few_outcomes_are_mentioned(proposal: Proposal) -> None:
    assert proposal.counted.leads_with_outcome == 187
    assert proposal.warnings[0].startswith("Only 187 leads")


def test_a_rule_that_predicts_too_well_alone_is_mentioned() -> None:
    def contract(history: History) -> Sequence[Event]:
        day = history.start_on and history.outcome_on and history.start_on + timedelta(days=10)
        return [event(history.lead_id, day, "Contract Drafted")] if day else []

    warnings = propose(planted(HISTORIES, contract), QUESTION, QUICK).warnings
    assert any("contract_drafted" in warning and "alone has an AUC of 1.00" in warning for warning in warnings)


def test_imported_history_is_mentioned() -> None:
    imported = [replace(each, events=[replace(event, received_at=NOW) for event in each.events]) for each in HISTORIES]
    assert any(
        warning.startswith("100% of the events arrived") for warning in propose(imported, QUESTION, QUICK).warnings
    )


def test_without_histories_there_are_too_few_outcomes() -> None:
    with pytest.raises(TooFewOutcomes, match="0 leads had the outcome"):
        propose([], Question("won", within_days=30, now=NOW))
