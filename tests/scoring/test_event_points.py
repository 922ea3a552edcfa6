"""What single events are worth: shares that add up to the points of each rule."""

import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.scoring.engine import evaluate
from app.scoring.event_points import points_of, signals_of
from tests.scoring.strategies import MOMENT, Json, compiled, event_of, events, facts_from, models


@settings(max_examples=60)
@given(models(), events(last_day=0), st.integers(0, 40))
def test_the_points_of_all_events_add_up_to_those_of_their_rules(document: Json, past: list[Json], later: int) -> None:
    model = compiled(document)
    evaluation = evaluate(model, facts_from(model, past), MOMENT + timedelta(days=later))
    given_by_events = [each for raw in past for each in points_of(evaluation, event_of(raw))]
    for score in model.scores.values():
        for rule in score.rules.values():
            if rule.signal is None:
                continue
            shares = [each.points for each in given_by_events if (each.score, each.rule) == (score.name, rule.name)]
            earned = evaluation.earned[score.name].get(rule.name)
            assert math.fsum(shares) == pytest.approx(earned.points if earned else 0, abs=0.005 * (len(past) + 1))


def test_an_event_names_every_signal_that_counts_it() -> None:
    signals = {"visit": {"on": "Page Viewed"}, "view": {"on": "page_viewed"}, "demo": {"on": "Demo Requested"}}
    model = compiled({"name": "small", "signals": signals, "stages": [{"name": "all"}]})
    raw: Json = {"properties": {}, "context": {}, "traits": {}, "message_id": "m1", "trusted": True}
    raw |= {"name": "Page Viewed", "occurred_at": MOMENT}
    evaluation = evaluate(model, facts_from(model, [raw]), MOMENT)
    assert signals_of(evaluation, event_of(raw)) == ["visit", "view"]
    assert points_of(evaluation, event_of(raw)) == []


def test_the_hits_that_a_frequency_rule_counts_share_its_points() -> None:
    rules = {"often": {"signal": "visit", "per_day": 1, "at_least": 2, "within_days": 7, "points": 10}}
    small = {"name": "small", "signals": {"visit": {"on": "Page Viewed"}}, "stages": [{"name": "all"}]}
    model = compiled(small | {"scores": {"zeal": {"rules": rules}}})
    raw: Json = {"properties": {}, "context": {}, "traits": {}, "trusted": True, "name": "Page Viewed"}
    visits = [
        raw | {"message_id": f"m{number}", "occurred_at": MOMENT - timedelta(days=days)}
        for number, days in enumerate((0, 0, 3, 8))
    ]
    evaluation = evaluate(model, facts_from(model, visits), MOMENT)
    shares = [[each.points for each in points_of(evaluation, event_of(visit))] for visit in visits]
    assert shares == [[2.5], [2.5], [5.0], []]
    rarely = evaluate(model, facts_from(model, visits[:2]), MOMENT)
    assert points_of(rarely, event_of(visits[0])) == []
