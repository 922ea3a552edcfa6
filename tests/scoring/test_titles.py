"""Titles of signals, rules, scores and bands: what people read, which changes nothing that is counted or scored."""

from copy import deepcopy
from typing import Any

import pytest

from app.scoring.diff import compare
from app.scoring.engine import evaluate, ledger
from app.scoring.lint import lint
from app.scoring.model import dump_model, load_model
from app.validation.faults import InvalidModel
from tests.scoring.strategies import MOMENT, compiled, facts_from

Json = dict[str, Any]

PLAIN: Json = {
    "name": "plain",
    "signals": {"demo": {"on": "Demo Requested"}},
    "scores": {
        "interest": {
            "rules": {
                "asked": {"signal": "demo", "points": 40, "max_points": 30, "group": "all"},
                "wanted": {"when": {"trait": "title", "exists": True}, "points": 10},
            },
            "groups": {"all": {"max": 20}},
            "bands": {"hot": 10},
            "max": 25,
        }
    },
    "stages": [{"name": "visitor"}],
}
TITLES = {
    "signals.demo": "Demo requested",
    "scores.interest": "Interest",
    "scores.interest.rules.asked": "Asked for a demo",
    "scores.interest.bands.hot": "Hot",
}


def titled(*paths: str) -> Json:
    """The plain model with these titles."""
    document = deepcopy(PLAIN)
    for path in paths:
        *way, last = path.split(".")
        place = document
        for step in way:
            place = place[step]
        part = place[last]
        place[last] = {**(part if isinstance(part, dict) else {"threshold": part}), "title": TITLES[path]}
    return document


def titles(document: Json) -> list[tuple[str, str]]:
    """The titles in the ledger of somebody who gets every kind of line, each with the line's kind."""
    model = compiled(document)
    raw = {"name": "Demo Requested", "message_id": "m", "occurred_at": MOMENT, "trusted": True}
    facts = facts_from(model, [raw | {"properties": {}, "context": {}, "traits": {"title": "CTO"}}])
    return [(line.kind, line.title) for line in ledger(evaluate(model, facts, MOMENT), "interest")]


def test_a_line_has_the_title_of_what_it_is_about() -> None:
    assert titles(titled(*TITLES)) == [
        ("rule", "Asked for a demo"),
        ("rule_cap", "Asked for a demo"),
        ("rule", "wanted"),
        ("group_cap", "all"),
        ("score_limit", "Interest"),
    ]


def test_a_rule_without_a_title_has_that_of_its_signal() -> None:
    assert titles(titled("signals.demo"))[0] == ("rule", "Demo requested")
    assert titles(PLAIN)[0] == ("rule", "asked")


def test_titles_change_nothing_that_is_counted_or_scored() -> None:
    plain, model = compiled(PLAIN), compiled(titled(*TITLES))
    assert model.fingerprints == plain.fingerprints
    assert model.scores["interest"].bands == plain.scores["interest"].bands
    assert lint(model.document) == lint(plain.document)


@pytest.mark.parametrize("path", TITLES)
def test_a_new_title_is_a_change_without_a_recount(path: str) -> None:
    [difference] = compare(load_model(PLAIN), load_model(titled(path)))
    assert (difference.path, difference.kind, difference.recounts) == (path, "changed", False)
    assert (difference.before, difference.after) == ({"title": None}, {"title": TITLES[path]})
    assert f"title none → {TITLES[path]}" in difference.summary
    assert "counts other events" not in difference.summary


@pytest.mark.parametrize(
    ("noun", "place", "old"),
    [
        ("signal", "signals", "demo"),
        ("score", "scores", "interest"),
        ("rule", "scores.interest.rules", "wanted"),
        ("band", "scores.interest.bands", "hot"),
    ],
)
def test_a_part_can_get_a_new_name_and_a_title_at_once(noun: str, place: str, old: str) -> None:
    document = deepcopy(PLAIN)
    document["scores"]["interest"]["rules"].pop("asked")
    after = deepcopy(document)
    parts = after
    for step in place.split("."):
        parts = parts[step]
    part = parts.pop(old)
    parts["title"] = {**(part if isinstance(part, dict) else {"threshold": part}), "title": "New"}
    found = {(each.noun, each.kind) for each in compare(load_model(document), load_model(after))}
    assert found == {(noun, "renamed"), (noun, "changed")}


def test_a_band_is_kept_as_it_was_written() -> None:
    for document in (PLAIN, titled(*TITLES)):
        assert dump_model(load_model(document)) == document | {"signals": dump_model(load_model(document))["signals"]}


@pytest.mark.parametrize(
    ("band", "path"),
    [
        ({"title": "Hot"}, "scores.interest.bands.hot.threshold"),
        ({"threshold": 1.234}, "scores.interest.bands.hot.threshold"),
        ({"threshold": 1, "titel": "Hot"}, "scores.interest.bands.hot.titel"),
        ({"threshold": 1, "title": ""}, "scores.interest.bands.hot.title"),
        ("many", "scores.interest.bands.hot"),
    ],
)
def test_a_fault_in_a_band_is_reported_by_its_path(band: Any, path: str) -> None:
    document = deepcopy(PLAIN)
    document["scores"]["interest"]["bands"]["hot"] = band
    with pytest.raises(InvalidModel) as caught:
        load_model(document)
    assert [fault.path for fault in caught.value.faults] == [path]


def test_lines_that_differ_only_in_their_title_are_equal() -> None:
    """So that a preview doesn't show them as a change of what a lead's score is made of."""
    lines = [
        ledger(evaluate(model, facts_from(model, []), MOMENT), "quiet")
        for model in (compiled(_quiet()), compiled(_quiet(title="Quiet")))
    ]
    assert [line.title for (line,) in lines] == ["none", "Quiet"]
    assert lines[0] == lines[1]


def _quiet(**fields: Any) -> Json:
    rule = {"when": {"none": [{"trait": "city", "exists": True}]}, "points": 1, **fields}
    return {"name": "m", "scores": {"quiet": {"rules": {"none": rule}}}, "stages": [{"name": "visitor"}]}
