"""Compiling a model: which events count for which signal, and which signals have the same fingerprint."""

from typing import Any

import pytest

from app.scoring.engine import evaluate
from app.scoring.model import load_model
from app.scoring.signals import fingerprint_of
from tests.scoring.strategies import MOMENT, compiled, event_of

Json = dict[str, Any]
WHERE: Json = {"property": "size", "gte": 50}


def fingerprint(**signal: Any) -> str:
    document = {"name": "m", "signals": {"s": signal}, "stages": [{"name": "first"}]}
    return fingerprint_of(load_model(document).signals["s"])


def event(name: str, **fields: Any) -> Any:
    plain = {"properties": {}, "context": {}, "traits": {}, "occurred_at": MOMENT, "message_id": "m1", "trusted": True}
    return event_of({"name": name, **plain, **fields})


@pytest.mark.parametrize(
    "same",
    [
        {"on": "page_viewed"},
        {"on": ["PAGE-VIEWED", "Page Viewed"]},
        {"on": "Page Viewed", "trusted": False},
        {"on": "Page Viewed", "where": None},
    ],
)
def test_signals_that_count_the_same_events_have_the_same_fingerprint(same: Json) -> None:
    assert fingerprint(**same) == fingerprint(on="Page Viewed")


@pytest.mark.parametrize(
    "other",
    [
        {"on": "Pages Viewed"},
        {"on": ["Page Viewed", "Screen Viewed"]},
        {"on": "Page Viewed", "trusted": True},
        {"on": "Page Viewed", "where": WHERE},
    ],
)
def test_signals_that_count_different_events_have_different_fingerprints(other: Json) -> None:
    assert fingerprint(**other) != fingerprint(on="Page Viewed")


def test_the_fingerprint_of_a_condition_does_not_depend_on_the_order_of_its_fields() -> None:
    turned = {"gte": 50, "property": "size"}
    assert fingerprint(on="x", where=WHERE) == fingerprint(on="x", where=turned)
    assert fingerprint(on="x", where=WHERE) != fingerprint(on="x", where={**WHERE, "gte": 51})


def test_fingerprints_match_those_of_stored_tallies() -> None:
    assert fingerprint(on="Page Viewed") == "e000408157a28b69"
    assert fingerprint(on=["Trial Started", "trial-begun"], where=WHERE, trusted=True) == "7353f87c3006a100"


def test_signals_with_one_definition_share_their_hits() -> None:
    model = compiled(
        {
            "name": "m",
            "signals": {"one": {"on": "Page Viewed"}, "other": {"on": "page_viewed"}, "third": {"on": "Liked"}},
            "stages": [{"name": "first"}],
        }
    )
    assert len(model.fingerprints) == 2
    assert model.hits_of(event("PAGE VIEWED"), model.fingerprints) == {model.signals["one"].fingerprint}
    assert model.signals["one"].fingerprint == model.signals["other"].fingerprint
    assert model.event_keys({model.signals["one"].fingerprint}) == {"page viewed"}


def test_an_event_of_no_signal_still_sets_traits_and_the_time_last_seen() -> None:
    model = compiled({"name": "m", "stages": [{"name": "first"}]})
    facts = model.facts_of(event("Something Else", traits={"plan": "pro"}))
    assert (facts.tally, facts.known_traits(), facts.last_seen_at) == ({}, {"plan": "pro"}, MOMENT)


@pytest.mark.parametrize(
    ("path", "traits"),
    [
        ("company.size", {"company.size": "60"}),
        ("company.size", {"company": {"size": 60}}),
        ("company.size", {"company": [{"size": 7}, {"size": 60}]}),
        ("company.size", {"company.size": 60, "company": "Acme"}),
        ("a.company.size", {"a.company": {"size": 60}}),
        ("a.company.size", {"a": {"company.size": 60}}),
    ],
)
def test_a_rule_on_a_trait_applies_whether_dots_are_in_names_or_in_the_path(path: str, traits: Json) -> None:
    rule = {"when": {"trait": path, "gte": 50}, "points": 40}
    model = compiled({"name": "m", "scores": {"fit": {"rules": {"large": rule}}}, "stages": [{"name": "first"}]})
    facts = model.facts_of(event("Identified", traits=traits))
    assert evaluate(model, facts, MOMENT).values == {"fit": 40}


def test_a_trait_with_dots_can_also_prevent_a_rule_from_giving_points() -> None:
    rule = {"when": {"trait": "company.size", "exists": False}, "points": -5}
    model = compiled({"name": "m", "scores": {"fit": {"rules": {"unknown": rule}}}, "stages": [{"name": "first"}]})
    facts = model.facts_of(event("Identified", traits={"company.size": 1}))
    assert evaluate(model, facts, MOMENT).values == {"fit": 0}


@pytest.mark.parametrize(
    ("traits", "trusted", "distrusted"),
    [
        ({"size": 1}, False, True),
        ({"size": None, "city": "Ulm"}, False, True),
        ({"size.now": 1}, False, True),
        ({"city": "Ulm", "sizes": 1}, False, False),
        ({}, False, False),
        ({"size": 1}, True, False),
    ],
)
def test_a_model_distrusts_events_with_traits_that_their_sender_may_not_set(
    traits: Json, trusted: bool, distrusted: bool
) -> None:
    model = {"name": "m", "traits": {"size": {"trusted": True}, "city": {}}, "stages": [{"name": "first"}]}
    assert compiled(model).distrusts(event("Seen", traits=traits, trusted=trusted)) is distrusted
    assert not compiled({**model, "traits": {}}).distrusts(event("Seen", traits=traits, trusted=trusted))
