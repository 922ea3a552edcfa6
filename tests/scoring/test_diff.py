"""Comparing two models: every difference is reported by name, in either direction, and nothing else is."""

import json
import re
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.scoring.diff import Difference, compare
from app.scoring.document import ScoringModel
from app.scoring.events import event_name_key
from app.scoring.model import dump_model, load_model
from app.scoring.signals import fingerprint_of
from tests.scoring.strategies import models

Json = dict[str, Any]
Pair = tuple[ScoringModel, ScoringModel]

BASE: Json = {
    "name": "base",
    "traits": {"size": {"trusted": True}},
    "signals": {
        "demo_requested": {"on": ["Demo Requested", "Sales Contacted"]},
        "pricing_viewed": {"on": "Page Viewed", "where": {"context": "page.path", "starts_with": "/pricing"}},
    },
    "scores": {
        "engagement": {
            "max": 100,
            "groups": {"browsing": {"max": 20}},
            "bands": {"hot": 60},
            "rules": {
                "demo": {"signal": "demo_requested", "points": 40},
                "pricing": {"signal": "pricing_viewed", "points": 5, "group": "browsing"},
            },
        },
        "fit": {"rules": {"big": {"when": {"trait": "company_size", "gte": 50}, "points": 20}}},
    },
    "stages": [
        {"name": "interest"},
        {"name": "lead", "when": {"trait": "email", "exists": True}},
        {"name": "mql", "when": {"all": [{"score": "engagement", "gte": 40}, {"score": "fit", "gte": 0}]}},
        {"name": "sql", "when": {"signal": "demo_requested"}, "sales_ready": True},
    ],
    "examples": [
        {
            "name": "asks for a demo",
            "given": [{"event": "Demo Requested", "days_ago": 1}],
            "expect": {"stage": "sql", "scores": {"engagement": 40}},
        }
    ],
}


def edited(path: str, value: Any) -> Json:
    """The base with another value at a path; `...` removes it."""
    document = deepcopy(BASE)
    *parents, last = steps(path)
    place: Any = document
    for step in parents:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


def steps(path: str) -> list[Any]:
    return [int(number) if number else name for number, name in re.findall(r"\[(\d+)\]|([^.\[\]]+)", path)]


def renamed(document: Any, old: str, new: str) -> Any:
    """The document with a name replaced everywhere."""
    return json.loads(re.sub(rf'"{old}"', json.dumps(new), json.dumps(document)))


def diff(after: Json, before: Json = BASE) -> list[tuple[str, str, str, Any, Any]]:
    return [(d.kind, d.noun, d.path, d.before, d.after) for d in compare(load_model(before), load_model(after))]


def only(after: Json, before: Json = BASE) -> Difference:
    (difference,) = compare(load_model(before), load_model(after))
    return difference


# --- Each kind, of each noun ------------------------------------------------------------------------------------

DEMO, LEAST = {"signal": "demo_requested", "points": 40}, {"rules": {"r": {"inactive_for_days": 3, "points": 1}}}
EXAMPLE = {"name": "is nobody", "given": [], "expect": {}}


@pytest.mark.parametrize(
    ("path", "value", "kind", "noun", "before", "after", "summary"),
    [
        ("name", "new", "changed", "model", {"name": "base"}, {"name": "new"}, "model: name base → new"),
        ("traits.plan", {"trusted": True}, "added", "trait", None, {"trusted": True},
         "trait plan is new: {trusted: true}"),
        ("traits.size", ..., "removed", "trait", {"trusted": True}, None, "trait size is gone"),
        ("traits.size.trusted", False, "changed", "trait", {"trusted": True}, {"trusted": False},
         "trait size: trusted true → false"),
        ("scores.engagement.rules.demo.points", 30, "changed", "rule", {"points": 40}, {"points": 30},
         "rule demo of engagement: points 40 → 30"),
        ("scores.engagement.rules.demo.per_day", 1, "changed", "rule", {"per_day": None}, {"per_day": 1},
         "rule demo of engagement: per_day none → 1"),
        ("scores.engagement.rules.late", DEMO, "added", "rule", None, DEMO,
         "rule late of engagement is new: {signal: demo_requested, points: 40}"),
        ("scores.engagement.rules.demo", ..., "removed", "rule", DEMO, None, "rule demo of engagement is gone"),
        ("scores.engagement.max", 90, "changed", "score", {"max": 100}, {"max": 90}, "score engagement: max 100 → 90"),
        ("scores.silence", LEAST, "added", "score", None, LEAST,
         "score silence is new: {rules: {r: {inactive_for_days: 3, points: 1}}}"),
        ("scores.engagement.groups.browsing.max", 7.5, "changed", "group", {"max": 20}, {"max": 7.5},
         "group browsing of engagement: max 20 → 7.5"),
        ("scores.engagement.groups.reading", {"max": 1}, "added", "group", None, {"max": 1},
         "group reading of engagement is new: {max: 1}"),
        ("scores.engagement.bands.hot", 50, "changed", "band", {"threshold": 60}, {"threshold": 50},
         "band hot of engagement: threshold 60 → 50"),
        ("scores.engagement.bands.warm", 9, "added", "band", None, {"threshold": 9},
         "band warm of engagement is new: {threshold: 9}"),
        ("stages[3].sales_ready", False, "changed", "stage", {"sales_ready": True}, {"sales_ready": False},
         "stage sql: sales_ready true → false"),
        ("stages[2]", ..., "removed", "stage", BASE["stages"][2], None, "stage mql is gone"),
        ("examples[0].given", [], "changed", "example", {"given": [{"event": "Demo Requested", "days_ago": 1}]},
         {"given": []}, 'example "asks for a demo": given without [{event: Demo Requested, days_ago: 1}]'),
        ("examples[0]", EXAMPLE, "added", "example", None, EXAMPLE,
         'example "is nobody" is new: {name: is nobody, given: [], expect: {}}'),
    ],
)  # fmt: skip
def test_a_difference_is_reported_with_its_values(
    path: str, value: Any, kind: str, noun: str, before: Any, after: Any, summary: str
) -> None:
    differences = compare(load_model(BASE), load_model(edited(path, value)))
    difference = next(each for each in differences if each.kind == kind)
    assert (difference.noun, difference.before, difference.after) == (noun, before, after)
    assert difference.summary == summary
    assert difference.path == {"name": "document"}.get(path, without_field(path, kind))
    assert not difference.recounts


def without_field(path: str, kind: str) -> str:
    """The path of the part that has the field."""
    is_band = ".bands." in path
    return path.rpartition(".")[0] if kind == "changed" and not is_band else path


# --- Signals ----------------------------------------------------------------------------------------------------


def test_a_signal_that_counts_other_events_is_recounted() -> None:
    difference = only(edited("signals.demo_requested.on", ["demo_requested", "Meeting Booked"]))
    assert difference.recounts
    assert difference.before == {"on": ["Demo Requested", "Sales Contacted"]}
    assert difference.summary == (
        "signal demo_requested: counts other events now (on without [Sales Contacted], on with [Meeting Booked]):"
        " it will be recounted from the event log"
    )


@pytest.mark.parametrize(
    ("field", "value"), [("where", {"property": "path", "starts_with": "/pricing"}), ("trusted", True), ("where", None)]
)
def test_a_signal_with_another_condition_is_recounted(field: str, value: Any) -> None:
    difference = only(edited(f"signals.pricing_viewed.{field}", value))
    assert (difference.kind, difference.recounts, list(difference.after or {})) == ("changed", True, [field])


def test_a_new_signal_is_counted_from_the_log() -> None:
    difference = only(edited("signals.signed_up", {"on": "Signed Up"}))
    assert (difference.kind, difference.recounts) == ("added", True)
    assert difference.summary.endswith("it will be recounted from the event log")


def test_a_new_signal_with_the_definition_of_an_old_one_needs_no_recount() -> None:
    difference = only(edited("signals.again", {"on": ["sales-contacted", "demo_requested"]}))
    assert (difference.kind, difference.recounts) == ("added", False)
    assert difference.summary.endswith("its events are counted already, so no recount")


def test_a_removed_signal_is_not_recounted() -> None:
    before = edited("signals.signed_up", {"on": "Signed Up"})
    assert (only(BASE, before).kind, only(BASE, before).recounts) == ("removed", False)


def test_a_signal_written_differently_is_the_same() -> None:
    assert diff(edited("signals.demo_requested.on", ["SALES_CONTACTED", "demo-requested", "Demo Requested"])) == []


def test_a_renamed_signal_is_not_recounted_and_its_references_are_unchanged() -> None:
    difference = only(renamed(BASE, "demo_requested", "demo_asked"))
    assert (difference.kind, difference.noun, difference.path) == ("renamed", "signal", "signals.demo_asked")
    assert (difference.before, difference.after) == ({"name": "demo_requested"}, {"name": "demo_asked"})
    assert not difference.recounts
    assert difference.summary == (
        "signal demo_requested is called demo_asked now: its events are counted already, so no recount"
    )


# --- Names and order --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "noun", "path"),
    [
        ("engagement", "interestedness", "score", "scores.interestedness"),
        ("browsing", "reading", "group", "scores.engagement.groups.reading"),
        ("demo", "asked", "rule", "scores.engagement.rules.asked"),
        ("hot", "boiling", "band", "scores.engagement.bands.boiling"),
        ("sql", "for_sales", "stage", "stages[3]"),
        ("asks for a demo", "wants a demo", "example", "examples[0]"),
    ],
)
def test_a_part_with_only_a_new_name_is_renamed(old: str, new: str, noun: str, path: str) -> None:
    assert diff(renamed(BASE, old, new)) == [("renamed", noun, path, {"name": old}, {"name": new})]


def test_a_part_both_renamed_and_changed_counts_as_removed_and_added() -> None:
    after = renamed(edited("stages[3].sales_ready", False), "sql", "for_sales")
    assert [(kind, noun) for kind, noun, *_ in diff(after)] == [
        ("added", "stage"),
        ("removed", "stage"),
        ("changed", "example"),
    ]


def test_a_trait_of_another_name_is_another_trait() -> None:
    assert [(kind, path) for kind, _, path, *_ in diff(renamed(BASE, "size", "plan"))] == [
        ("added", "traits.plan"),
        ("removed", "traits.size"),
    ]


def test_a_stage_in_another_position_has_moved() -> None:
    interest, lead, mql, sql = BASE["stages"]
    assert diff({**BASE, "stages": [interest, sql, lead, mql]}) == [
        ("moved", "stage", "stages[1]", {"above": "mql"}, {"above": "interest"})
    ]
    assert only({**BASE, "stages": [interest, sql, lead, mql]}).summary == (
        "stage sql moved: above interest now, above mql before"
    )


def test_a_stage_that_becomes_the_lowest_has_moved_and_changed() -> None:
    stages = [{"name": "lead"}, {"name": "interest", "when": {"trait": "email", "exists": True}}]
    before = {"name": "two", "stages": [{"name": "interest"}, {"name": "lead", "when": {"trait": "a", "eq": 1}}]}
    assert [kind for kind, *_ in diff({"name": "two", "stages": stages}, before)] == ["changed", "changed", "moved"]


def test_adding_or_removing_a_stage_does_not_move_the_others() -> None:
    interest, lead, mql, sql = BASE["stages"]
    pql = {"name": "pql", "when": {"trait": "trial", "exists": True}}
    assert diff({**BASE, "stages": [interest, pql, lead, mql, sql]}) == [("added", "stage", "stages[1]", None, pql)]


# --- Summaries --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "summary"),
    [
        ({"all": [{"score": "engagement", "gte": 30.5}, {"score": "fit", "gte": 0}]}, "when.all[0].gte 40 → 30.5"),
        ({"all": [{"score": "fit", "gte": 0}]}, "when.all without [{score: engagement, gte: 40}]"),
        ({"score": "fit", "in": [1, 2]}, "when {all: [{score: engagement, gte: 40}, {score: fit, gte: 0}]} → "),
    ],
)
def test_a_summary_shows_only_the_differing_part_of_a_condition(when: Json, summary: str) -> None:
    assert summary in only(edited("stages[2].when", when)).summary


def test_a_reordered_list_is_reported_as_reordered() -> None:
    before, after = (edited("stages[2].when", {"trait": "role", "in": roles}) for roles in (["a", "b"], ["b", "a"]))
    assert only(after, before).summary == "stage mql: when.in in another order"


def test_a_summary_is_one_line_of_limited_length() -> None:
    before, after = (
        edited("stages[2].when", {"any": [{"trait": f"t{n}", "eq": f"{sign}\n{sign}" * 90} for n in range(9)]})
        for sign in "ab"
    )
    summary = only(after, before).summary
    assert "\n" not in summary
    assert summary.endswith("…, and 5 more")
    assert len(summary) < 900


# --- Laws -------------------------------------------------------------------------------------------------------


@st.composite
def documents(draw: st.DrawFn) -> Json:
    """Models with examples, some of which share a name."""
    document = draw(models())
    stages = st.sampled_from([stage["name"] for stage in document["stages"]])
    messages = st.fixed_dictionaries({}, optional={"event": st.sampled_from(["A b", "a_b", "C"]), "times": st.just(1)})
    expected = {"stage": stages}
    if document["scores"]:
        scores = st.sampled_from(sorted(document["scores"]))
        expected["scores"] = st.dictionaries(scores, st.sampled_from([0, 1, 1.0]), max_size=1)
    expect = st.fixed_dictionaries({}, optional=expected)
    names = st.sampled_from(["one", "two"])
    example = st.fixed_dictionaries({"name": names, "given": st.lists(messages, max_size=1), "expect": expect})
    return document | {"examples": draw(st.lists(example, max_size=3))}


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Two models that share only names, or of which one is a slightly edited copy of the other."""
    before = draw(documents())
    if draw(st.booleans()):
        return load_model(before), load_model(draw(documents()))
    after = deepcopy(before)
    for edit in draw(st.lists(st.sampled_from([*RENAMES, "reorder", "rewrite", "drop", "repeat"]), max_size=3)):
        after = RENAMES[edit](after) if edit in RENAMES else _edit(edit, after, draw)
    return load_model(before), load_model(after)


RENAMES = {
    old: lambda document, old=old: renamed(document, old, f"{old}_new")
    for old in ["s1", "s2", "x", "r1", "g1", "first", "second", "hot", "one"]
}


def _edit(edit: str, document: Json, draw: st.DrawFn) -> Json:
    first, *others = document["stages"]
    if edit == "reorder":
        return document | {"stages": [first, *draw(st.permutations(others))], "examples": document["examples"][::-1]}
    if edit == "drop":
        return document | {"examples": document["examples"][1:], "description": "less"}
    if edit == "repeat":
        return document | {"signals": document["signals"] | {"s4": next(iter(document["signals"].values()))}}
    signals = {name: {"trusted": False, **signal} for name, signal in document["signals"].items()}
    return document | {"signals": json.loads(json.dumps(signals).replace("Trial Started", "trial_started"))}


@settings(max_examples=20)
@given(documents())
def test_a_model_does_not_differ_from_itself(document: Json) -> None:
    assert compare(load_model(document), load_model(document)) == ()


@settings(max_examples=40)
@given(pairs())
def test_models_differ_if_and_only_if_they_mean_something_different(pair: Pair) -> None:
    before, after = pair
    assert (compare(before, after) == ()) is (meaning(before) == meaning(after))


def meaning(model: ScoringModel) -> str:
    """The document without everything that makes no difference."""
    document = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    for signal in document["signals"].values():
        signal["on"] = sorted({event_name_key(name) for name in signal["on"]})
    for example in document["examples"]:
        for message in example["given"]:
            message["event"] = event_name_key(message.get("event", ""))
    document["examples"].sort(key=json.dumps)
    counted = json.dumps(
        [document.pop("signals"), [each.pop("given") for each in document["examples"]]], sort_keys=True
    )
    return counted + re.sub(r"\.0\b", "", json.dumps(document, sort_keys=True))


@settings(max_examples=40)
@given(pairs())
def test_comparing_backwards_gives_mirrored_differences(pair: Pair) -> None:
    before, after = pair
    turned = {"added": "removed", "removed": "added"}
    there = [(d.kind, d.noun, d.before, d.after) for d in compare(before, after)]
    back = [(turned.get(d.kind, d.kind), d.noun, d.after, d.before) for d in compare(after, before)]
    assert sorted(map(json.dumps, there)) == sorted(map(json.dumps, back))


@settings(max_examples=40)
@given(pairs())
def test_signals_that_no_earlier_signal_matches_are_recounted(pair: Pair) -> None:
    then, now = ({fingerprint_of(signal) for signal in model.signals.values()} for model in pair)
    recounted = [d for d in compare(*pair) if d.recounts]
    assert {(d.noun, d.kind) for d in recounted} <= {("signal", "added"), ("signal", "changed")}
    signals = [pair[1].signals[d.path.removeprefix("signals.")] for d in recounted]
    assert {fingerprint_of(signal) for signal in signals} == now - then


@settings(max_examples=40)
@given(pairs())
def test_every_path_leads_to_the_reported_part(pair: Pair) -> None:
    for difference in compare(*pair):
        reported = difference.before if difference.kind == "removed" else difference.after
        place: Any = dump_model(pair[0] if difference.kind == "removed" else pair[1])
        for step in steps(difference.path) if difference.noun != "model" else []:
            place = place[step]
        written = {"threshold": place} if isinstance(place, float) else place
        if difference.kind in {"added", "removed"}:
            assert written == reported
        elif difference.kind == "changed":
            assert all(written[field] == value for field, value in (reported or {}).items() if field in written)
