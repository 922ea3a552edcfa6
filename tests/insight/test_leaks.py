"""Leaks planted in a made-up market are named and excluded."""

import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from app.insight.histories import History
from app.insight.leaks import filled_in_traits
from app.insight.proposals import propose
from app.insight.questions import Wishes
from app.insight.snapshots import Snapshots, lead_days
from app.insight.studies import prepare
from app.insight.traits import TraitTable
from app.scoring.events import Event
from tests.insight.world import QUESTION, event, market, planted

HISTORIES = market()
QUICK = Wishes(max_rules=8)
Plant = Callable[[History], Sequence[Event]]


def sent_with_the_outcome(history: History) -> list[Event]:
    return [event(history.lead_id, history.outcome_on, "Invoice Sent")] if history.outcome_on else []


def follows_the_outcome(history: History) -> list[Event]:
    day = history.outcome_on and history.outcome_on + timedelta(days=3)
    return [event(history.lead_id, day, "Onboarding Started")] if day else []


def closes_the_lead(history: History) -> list[Event]:
    day = history.start_on and history.start_on + timedelta(days=5 + len(history.events) % 20)
    is_closed = history.outcome_on is None and len(history.events) % 3 == 0
    return [event(history.lead_id, day, "Lead Disqualified")] if day and is_closed else []


def filled_in_by_sales(history: History) -> list[Event]:
    is_filled = history.outcome_on is not None or len(history.events) % 4 == 0
    traits = {"budget": 100 + len(history.events) % 7}
    return [event(history.lead_id, history.events[0].occurred_at.date(), "Identified", traits=traits)] * is_filled


def came_with_the_outcome(history: History) -> list[Event]:
    traits = {"contract": {"seats": 5}}
    return [event(history.lead_id, history.outcome_on, "Identified", traits=traits)] if history.outcome_on else []


@pytest.mark.parametrize(
    ("plant", "name", "reason"),
    [
        (sent_with_the_outcome, "Invoice Sent", "synonym"),
        (follows_the_outcome, "Onboarding Started", "synonym"),
        (closes_the_lead, "Lead Disqualified", "closing"),
        (filled_in_by_sales, "budget", "filled-in"),
        (came_with_the_outcome, "contract", "filled-in"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_leak_is_named_and_no_rule_uses_it(plant: Plant, name: str, reason: str) -> None:
    proposal = propose(planted(HISTORIES, plant), QUESTION, QUICK)
    found = {each.name: each for each in proposal.excluded if each.name not in ("Order Completed", "Identified")}
    assert {each: found[each].reason for each in found} == {name: reason}
    assert "%" in found[name].detail or "were expected" in found[name].detail
    assert name not in str(proposal.document)
    assert proposal.accuracy.held_out.value < 0.8


def test_an_event_long_before_the_outcome_closes_nobody() -> None:
    def late(history: History, number: int) -> History:
        outcome_on = history.events[0].occurred_at.date() + timedelta(days=61 + number % 13)
        return replace(history, outcome_on=outcome_on, events=history.events[:-1])

    histories = [each if each.outcome_on is None else late(each, number) for number, each in enumerate(HISTORIES)]
    study, excluded = prepare(histories, QUESTION, Wishes())
    assert excluded == []
    assert study.snapshots.leads_with_outcome() == 187


def test_an_honest_market_has_no_leaks() -> None:
    _, excluded = prepare(HISTORIES, QUESTION, Wishes())
    assert [(each.name, each.reason) for each in excluded] == [("Order Completed", "outcome")]


def test_leads_are_closed_by_the_events_that_the_question_names() -> None:
    few = replace(QUESTION, closed_by=frozenset({"demo requested"}))
    study, excluded = prepare(HISTORIES, few, Wishes())
    asked = {
        lead for lead, each in enumerate(HISTORIES) if any(event.name == "Demo Requested" for event in each.events)
    }
    assert len(asked) > 50
    assert set(study.snapshots.leads.tolist()) == set(range(len(HISTORIES))) - asked
    assert ("Demo Requested", "closing") in {(each.name, each.reason) for each in excluded}


def test_calls_that_carry_a_trait_filled_in_by_sales_are_not_counted() -> None:
    proposal = propose(planted(HISTORIES, filled_in_by_sales), QUESTION, QUICK)
    details = {each.name: each.detail for each in proposal.excluded}
    assert details["Identified"] == "it carries budget"
    assert "identified" not in str(proposal.document)


def test_a_trait_takes_no_more_than_the_leads_that_have_it() -> None:
    day = QUESTION.now.date()
    histories = [
        History(f"{number}", [event(f"{number}", day, "Identified", traits={f"trait{number}": 1})])
        for number in range(2_000)
    ]
    leads, nothing = lead_days(histories), Snapshots(*(np.array([], dtype=kind) for kind in (int, int, bool)))
    tracemalloc.start()
    assert filled_in_traits(TraitTable({}), histories, leads, nothing) == {}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000 * 2_000  # a byte for each lead and trait
