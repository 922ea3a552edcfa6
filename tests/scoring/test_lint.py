"""The linter: each warning, and close cases that are fine. That no warning is false is in `test_attainable.py`."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from app.scoring.lint import Code, lint
from app.scoring.model import load_model

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
LINT_SECTION = (ROOT / "docs" / "model.md").read_text().partition("## Lint\n")[2].partition("\n## ")[0]

SEEN: Json = {"signal": "seen", "points": 10, "max_points": 30}


def document(*whens: Json, signals: Json | None = None, **score: Any) -> Json:
    """A model with one score `x`, by default between 0 and 30, and a stage for each condition.

    The lowest stage is rung0; the highest one uses all signals, so that none is unused.
    """
    stages = [{"name": f"rung{index}", "when": when} for index, when in enumerate(whens, start=1)]
    signals = {"seen": {"on": "Seen"}, **(signals or {})}
    top = {"all": [*({"signal": name} for name in signals), {"trait": "top", "exists": True}]}
    return {
        "name": "small",
        "signals": signals,
        "scores": {"x": {"rules": {"seen": SEEN}, **score}},
        "stages": [{"name": "rung0"}, *stages, {"name": "top", "when": top}],
    }


def warnings(model: Json) -> list[tuple[str, str]]:
    return [(warning.code, warning.path) for warning in lint(load_model(model))]


def only_message(model: Json) -> str:
    (warning,) = lint(load_model(model))
    return warning.message


# --- What ships -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["app/scoring/starter.yaml", "docs/examples/trial-product.yaml"])
def test_the_shipped_models_have_no_warnings(path: str) -> None:
    assert lint(load_model((ROOT / path).read_text())) == ()


def test_the_documented_example_gives_the_documented_warnings() -> None:
    example, output = re.findall(r"```(?:yaml|text)\n(.*?)```", LINT_SECTION, re.DOTALL)
    expected = [f"{warning.code} {warning.path} {warning.message}" for warning in lint(load_model(example))]
    assert " ".join(output.split()) == " ".join(expected)


def test_every_warning_is_documented_with_an_example() -> None:
    assert [code for code in get_args(Code) if LINT_SECTION.count(code) < 2] == []


# --- Signals ----------------------------------------------------------------------------------------------------


def test_an_unused_signal_is_reported() -> None:
    model = document()
    model["signals"]["spare"] = {"on": "Spare"}
    assert warnings(model) == [("unread-signal", "signals.spare")]


@pytest.mark.parametrize("field", ["when", "keep"])
def test_a_signal_used_only_by_a_stage_counts_as_used(field: str) -> None:
    model = document({"trait": "email", "exists": True})
    model["signals"]["spare"] = {"on": "Spare"}
    model["stages"][1][field] = {"none": [{"signal": "spare"}]}
    assert warnings(model) == []


# --- Thresholds -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "is_reachable"),
    [
        ({"gte": 30}, True),
        ({"gte": 30.01}, False),
        ({"gt": 30}, False),
        ({"lt": 0}, False),
        ({"lte": 0}, True),
        ({"lte": -0.01}, False),
        ({"eq": 30}, True),
        ({"eq": 31}, False),
        ({"in": [31, 30]}, True),
        ({"in": [31, -1]}, False),
    ],
)
def test_a_threshold_outside_the_attainable_scores_is_reported(test: Json, is_reachable: bool) -> None:
    path = f"stages[1].when.any[1].{next(iter(test))}"
    expected = [] if is_reachable else [("unreachable-threshold", path)]
    assert warnings(document({"any": [{"trait": "a", "eq": 1}, {"score": "x", **test}]})) == expected


@pytest.mark.parametrize(
    ("limits", "test", "message"),
    [
        ({}, {"gte": 40}, "no lead can meet gte 40: x is always between 0 and 30; "),
        ({"rules": {"seen": SEEN | {"points": -10}, "gone": {"inactive_for_days": 9, "points": 2.5}}}, {"gt": 5},
         "no lead can meet gt 5: x is always between -30 and 2.5; "),
        ({"rules": {"seen": {"signal": "seen", "points": 1}}}, {"lt": 0},
         "no lead can meet lt 0: x is never below 0; "),
        ({"rules": {"seen": {"signal": "seen", "points": -1}}}, {"in": [1, 2]},
         "no lead can meet in [1, 2]: x is never above 0; "),
        ({"rules": {"seen": {"signal": "seen", "points": 0}}}, {"ne": 0}, "no lead can meet ne 0: x is always 0; "),
    ],
)  # fmt: skip
def test_the_warning_about_a_threshold_names_the_range_and_the_remedy(limits: Json, test: Json, message: str) -> None:
    model = document({"trait": "a", "eq": 1}, **limits)
    model["stages"][1]["keep"] = {"score": "x", **test}
    assert only_message(model) == f"{message}move the threshold, or change the points and limits of x"


def test_a_score_that_nothing_bounds_has_no_unreachable_threshold() -> None:
    rules = {"up": {"signal": "seen", "points": 1}, "down": {"when": {"trait": "a", "eq": 1}, "points": -1}}
    assert warnings(document({"score": "x", "gte": 10**9}, rules=rules)) == []


BEYOND = "x is always between 0 and 30; lower its threshold, or change the points and limits of x"
HIDDEN = "a lead that reaches it has already reached {}; move its threshold, or remove it"


@pytest.mark.parametrize(
    ("bands", "never"),
    [
        ({"hot": 30, "warm": 10, "cold": 0}, {}),
        ({"hot": 30.01, "cold": 0}, {"hot": BEYOND}),
        ({"cold": 0, "frozen": -5}, {"frozen": HIDDEN.format("cold")}),
        ({"cold": 1, "frozen": -5}, {}),
        ({"hot": 10, "boiling": 10}, {"boiling": HIDDEN.format("hot")}),
        ({"a": -5, "b": -6, "c": -7}, {"b": HIDDEN.format("a"), "c": HIDDEN.format("b")}),
    ],
)
def test_an_unreachable_band_is_reported(bands: Json, never: dict[str, str]) -> None:
    assert {(warning.code, warning.path, warning.message) for warning in lint(load_model(document(bands=bands)))} == {
        ("unreachable-threshold", f"scores.x.bands.{band}", f"no lead is ever {band}: {reason}")
        for band, reason in never.items()
    }


@pytest.mark.parametrize(("per_day", "is_reachable"), [(2, False), (3, True), (None, True)])
def test_a_frequency_that_per_day_makes_unreachable_is_reported(per_day: int | None, is_reachable: bool) -> None:
    rule = {"signal": "seen", "points": 5, "at_least": 15, "within_days": 5} | ({"per_day": per_day} if per_day else {})
    path = "scores.x.rules.often.at_least"
    expected = [] if is_reachable else [("unreachable-threshold", path)]
    assert warnings(document(rules={"often": rule})) == expected


def test_the_warning_about_a_frequency_names_the_limits_and_the_remedy() -> None:
    rule = {"signal": "seen", "points": 5, "at_least": 15, "within_days": 5, "per_day": 2}
    assert only_message(document(rules={"often": rule})) == (
        "often can never count 15 hits: per_day 2 lets 10 count in 5 days; "
        "lower at_least, or raise per_day or within_days"
    )


# --- Stages -----------------------------------------------------------------------------------------------------

A, B, C = ({"trait": name, "eq": 1} for name in "abc")


@pytest.mark.parametrize(
    "when",
    [
        {"score": "x", "gte": 31},
        {"all": [A, {"score": "x", "gt": 30}]},
        {"any": [{"score": "x", "lt": 0}, {"score": "x", "eq": 99}]},
        {"none": [A, {"score": "x", "gte": 0}]},
    ],
)
def test_a_stage_whose_condition_never_holds_is_reported(when: Json) -> None:
    assert ("unreachable-stage", "stages[1].when") in warnings(document(when))


def test_a_stage_whose_thresholds_contradict_each_other_is_reported() -> None:
    model = document({"all": [{"score": "x", "gte": 20}, {"score": "x", "lt": 10}]})
    assert warnings(model) == [("unreachable-stage", "stages[1].when")]
    assert only_message(model) == (
        "no lead can meet the condition of rung1: move its thresholds within what scores can be"
    )


@pytest.mark.parametrize(
    "when",
    [
        {"score": "x", "gte": 0},
        {"score": "x", "gte": -1, "lte": 30},
        {"score": "x", "ne": 31},
        {"any": [A, {"score": "x", "lte": 30}]},
        {"none": [{"score": "x", "gt": 30}]},
    ],
)
def test_stages_below_one_that_always_holds_are_reported(when: Json) -> None:
    reported = [warning for warning in lint(load_model(document(A, when))) if warning.code == "unreachable-stage"]
    assert [warning.path for warning in reported] == ["stages[0]", "stages[1]"]
    assert reported[0].message == (
        "no lead is ever in rung0: rung2, a higher stage, takes every lead; make its when stricter"
    )


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        (A, A),
        ({"score": "x", "gte": 20}, {"score": "x", "gte": 10}),
        ({"score": "x", "gt": 20}, {"score": "x", "gte": 20}),
        ({"score": "x", "lte": 20}, {"score": "x", "lt": 21}),
        ({"score": "x", "in": [12, 14]}, {"score": "x", "gt": 11, "lt": 15}),
        ({"score": "x", "eq": 12}, {"score": "x", "in": [12, 14]}),
        ({"all": [A, {"score": "x", "gte": 20}]}, {"all": [{"score": "x", "gte": 10}, A]}),
        ({"all": [A, {"any": [B, C]}]}, {"all": [{"any": [B, C]}]}),
        ({"all": [A, B]}, {"any": [C, {"all": [B, A]}]}),
        ({"any": [A, B]}, {"any": [B, A, C]}),
        ({"all": [A], "none": [B]}, {"none": [B]}),
        ({"all": [A], "any": [B, C]}, A),
        ({"signal": "seen", "at_least": 3, "within_days": 7}, {"signal": "seen"}),
        ({"signal": "seen", "at_least": 3, "within_days": 7}, {"signal": "seen", "at_least": 2, "within_days": 8}),
    ],
)
def test_a_stage_below_one_that_requires_no_more_is_reported(lower: Json, upper: Json) -> None:
    model = document(lower, upper)
    assert warnings(model) == [("unreachable-stage", "stages[1]")]
    assert only_message(model) == (
        "no lead is ever in rung1: a lead that meets its condition also meets that of rung2, a higher stage; "
        "make rung2 stricter"
    )


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        (A, B),
        (A, {"all": [A, B]}),
        ({"any": [A, B]}, A),
        ({"trait": "a", "eq": 1}, {"trait": "a", "eq": True}),
        ({"score": "x", "gte": 10}, {"score": "x", "gte": 20}),
        ({"score": "x", "gte": 10}, {"score": "x", "gt": 10}),
        ({"score": "x", "in": [12, 14]}, {"score": "x", "gte": 13}),
        ({"score": "x", "in": [12, 14]}, {"score": "x", "lte": 13}),
        ({"all": [A, {"any": [B, C]}]}, {"all": [A, B]}),
        ({"all": [A], "none": [B]}, {"all": [A, B]}),
        ({"signal": "seen"}, {"signal": "seen", "at_least": 2}),
        ({"signal": "seen", "at_least": 2}, {"signal": "seen", "at_least": 2, "within_days": 7}),
        ({"signal": "seen", "within_days": 8}, {"signal": "seen", "within_days": 7}),
        ({"trait": "email", "exists": False}, {"trait": "email", "exists": True}),
    ],
)
def test_a_stage_below_one_that_requires_more_or_something_else_is_fine(lower: Json, upper: Json) -> None:
    assert warnings(document(lower, upper)) == []


def test_keep_alone_does_not_make_a_stage_reachable() -> None:
    model = document({"score": "x", "gte": 31})
    model["stages"][1]["keep"] = {"score": "x", "gte": 0}
    assert ("unreachable-stage", "stages[1].when") in warnings(model)


# --- Double counts ----------------------------------------------------------------------------------------------

ON = {"on": ["Form Sent", "Page Viewed"]}
SMALL, LARGE, RED = {"property": "size", "lt": 30}, {"property": "size", "gte": 30}, {"context": "hue", "eq": "red"}


def counting(one: Json, other: Json, *, first: Json | None = None, second: Json | None = None) -> Json:
    """A model whose rules `first` and `second` count the signals `one` and `other`."""
    rules = {
        "first": {"signal": "one", "points": 5, **(first or {})},
        "second": {"signal": "other", "points": 5, **(second or {})},
    }
    return document(signals={"one": one, "other": other}, rules=rules, groups={"g": {"max": 9}, "h": {"max": 9}})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ON, ON),
        (ON, {"on": ["page_viewed", "Other"]}),
        (ON, {**ON, "trusted": True}),
        (ON, {**ON, "where": SMALL}),
        ({**ON, "where": SMALL}, ON),
        ({**ON, "where": SMALL}, {**ON, "where": SMALL, "trusted": True}),
        ({**ON, "where": {"all": [SMALL, RED]}}, {**ON, "where": SMALL}),
        ({**ON, "where": {"any": [LARGE, SMALL]}}, {**ON, "where": SMALL}),
    ],
)
def test_two_rules_that_count_the_same_event_are_reported(one: Json, other: Json) -> None:
    model = counting(one, other)
    assert warnings(model) == [("double-count", "scores.x.rules.second")]
    assert only_message(model) == (
        "second and first give points for the same event: remove one, give their signals where conditions that "
        "exclude each other, or put both in one group to show that this is intended"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ON, {"on": "Other"}),
        ({**ON, "where": SMALL}, {**ON, "where": LARGE}),
        ({**ON, "where": {"property": "kind", "in": ["a", "b"]}}, {**ON, "where": {"property": "kind", "in": ["c"]}}),
        ({**ON, "where": {"property": "kind", "eq": 1}}, {**ON, "where": {"property": "kind", "eq": True}}),
        ({**ON, "where": SMALL}, {**ON, "where": {"none": [SMALL]}}),
        ({**ON, "where": {"any": [SMALL, LARGE]}}, {**ON, "where": RED}),
    ],
)
def test_rules_whose_signals_may_count_different_events_are_fine(one: Json, other: Json) -> None:
    assert warnings(counting(one, other)) == []


def test_one_signal_in_two_rules_is_reported_whatever_their_points() -> None:
    model = counting(ON, ON, second={"signal": "one", "points": -2})
    assert warnings(model) == [("double-count", "scores.x.rules.second")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"group": "g"}, {"group": "g"}),
        ({}, {"at_least": 3, "within_days": 7}),
        ({"at_least": 9, "within_days": 7}, {"at_least": 3, "within_days": 7}),
    ],
)
def test_the_same_event_counted_by_a_group_or_for_its_frequency_is_fine(first: Json, second: Json) -> None:
    assert warnings(counting(ON, ON, first=first, second=second)) == []


def test_rules_in_different_groups_count_twice() -> None:
    model = counting(ON, ON, first={"group": "g"}, second={"group": "h"})
    assert warnings(model) == [("double-count", "scores.x.rules.second")]


def test_a_rule_that_takes_back_points_for_some_of_the_events_is_fine() -> None:
    assert warnings(counting(ON, {**ON, "where": SMALL}, second={"points": -5})) == []


def test_two_scores_may_count_the_same_event() -> None:
    model = document()
    model["scores"]["y"] = model["scores"]["x"]
    assert warnings(model) == []


# --- Caps -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "limits", "path", "message"),
    [
        ({"points": 40, "max_points": 30}, {"max": 35}, "rules.r.max_points",
         "r gives 40 points at once, and max_points 30 always cuts them: raise max_points to 40"),
        ({"points": -40, "max_points": 30}, {}, "rules.r.max_points",
         "r gives -40 points at once, and max_points 30 always cuts them: raise max_points to 40"),
        ({"points": 40, "group": "g"}, {"groups": {"g": {"max": 30}}}, "groups.g.max",
         "r gives 40 points at once, and max 30 always cuts them: raise max to 40"),
        ({"points": 40}, {"max": 30}, "max", "r gives 40 points at once, and max 30 always cuts them: raise max to 40"),
        ({"points": 4}, {"max": -3}, "max", "r gives 4 points at once, and max -3 always cuts them: raise max to 4"),
        ({"points": -40}, {"min": -30}, "min",
         "r gives -40 points at once, and min -30 always cuts them: lower min to -40"),
        ({"points": -4}, {"min": 3}, "min", "r gives -4 points at once, and min 3 always cuts them: lower min to -4"),
    ],
)  # fmt: skip
def test_a_cap_below_the_points_of_one_hit_is_reported(rule: Json, limits: Json, path: str, message: str) -> None:
    model = document(rules={"r": {"signal": "seen", **rule}}, **limits)
    assert warnings(model) == [("cap-below-hit", f"scores.x.{path}")]
    assert only_message(model) == f"{message}, or make the points smaller"


@pytest.mark.parametrize(
    ("rules", "limits"),
    [
        ({"r": {"points": 40, "max_points": 40}}, {}),
        ({"r": {"points": 40.004, "max_points": 40}}, {}),
        ({"r": {"points": 40, "max_points": 40, "group": "g"}}, {"groups": {"g": {"max": 40}}, "max": 40}),
        ({"r": {"points": -40, "group": "g"}}, {"groups": {"g": {"max": 0}}, "min": -40}),
        ({"r": {"points": 4}}, {"groups": {"unused": {"max": 0}}}),
        ({"up": {"points": 4, "per_day": 1}, "down": {"points": -1000}}, {"min": 0}),
        ({"r": {"points": -4}}, {"max": -20}),
        ({"r": {"points": 4}}, {"min": 20}),
        ({"r": {"points": 0}}, {"min": 20}),
    ],
)
def test_a_cap_of_at_least_one_hit_and_a_floor_under_penalties_are_fine(rules: Json, limits: Json) -> None:
    signals = {name: {"on": name} for name in rules}
    named = {name: {"signal": name, **rule} for name, rule in rules.items()}
    assert warnings(document(signals=signals, rules={"seen": SEEN | {"points": 0}} | named, **limits)) == []


@pytest.mark.parametrize(("group_cap", "paths"), [(20, ["groups.g.max"]), (30, ["groups.g.max", "max"])])
def test_points_cut_by_one_cap_do_not_count_against_the_next(group_cap: float, paths: list[str]) -> None:
    rules = {"r": {"when": A, "points": 40, "group": "g"}, "q": {"when": B, "points": 2, "group": "g"}}
    model = document(rules={**rules, "seen": SEEN}, groups={"g": {"max": group_cap}}, max=25)
    assert warnings(model) == [("cap-below-hit", f"scores.x.{path}") for path in paths]
