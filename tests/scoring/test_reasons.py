"""Reasons: the rules with the most points, net of their own caps."""

from collections import defaultdict

from hypothesis import given, settings

from app.scoring.engine import evaluate, ledger
from app.scoring.reasons import strongest_reasons
from app.scoring.rules import to_cents
from tests.scoring.strategies import MOMENT, Json, compiled, events, facts_from, models


@settings(max_examples=60)
@given(models(), events())
def test_reasons_are_the_rules_of_the_ledger_with_their_caps_the_strongest_first(
    document: Json, past: list[Json]
) -> None:
    model = compiled(document)
    evaluation = evaluate(model, facts_from(model, past), MOMENT)
    for score in model.scores:
        lines = [line for line in ledger(evaluation, score) if line.kind in {"rule", "rule_cap"}]
        net: defaultdict[str, float] = defaultdict(float)
        for line in lines:
            net[line.rule] = to_cents(net[line.rule] + line.points)
        reasons = strongest_reasons(evaluation, score, 100)
        assert {line.rule: line.points for line in reasons} == net
        sizes = [abs(line.points) for line in reasons]
        assert sizes == sorted(sizes, reverse=True)
        assert strongest_reasons(evaluation, score, 2) == reasons[:2]


def test_a_rule_over_its_cap_is_weighed_by_its_cap() -> None:
    rules = {
        "visits": {"signal": "visit", "points": 5, "max_points": 8},
        "early": {"signal": "visit", "points": 9, "at_least": 2, "within_days": 7},
    }
    model = compiled(
        {
            "name": "capped",
            "signals": {"visit": {"on": "Page Viewed"}},
            "scores": {"engagement": {"rules": rules}},
            "stages": [{"name": "interest"}],
        }
    )
    visit = {
        "name": "Page Viewed",
        "occurred_at": MOMENT,
        "trusted": True,
        "properties": {},
        "context": {},
        "traits": {},
    }
    facts = facts_from(model, [{**visit, "message_id": f"m{number}"} for number in range(2)])
    reasons = strongest_reasons(evaluate(model, facts, MOMENT), "engagement", 2)
    assert [(line.rule, line.points) for line in reasons] == [("early", 9), ("visits", 8)]
