"""Renamed stages are recognized by their structure, and the result is the same in both directions."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.scoring.matching import renamed_stages
from app.scoring.model import load_model
from tests.scoring.strategies import models

Json = dict[str, Any]

A: Json = {"when": {"score": "x", "gte": 1}, "keep": {"score": "x", "gte": 0}}
B: Json = {"when": {"all": [{"signal": "s"}, {"score": "x", "gte": 5}]}, "sales_ready": True}
C: Json = {"when": {"trait": "size", "gte": 9}}


def document(*rungs: tuple[str, Json], signal: str = "s", score: str = "x", points: float = 1) -> Json:
    """A model with a first stage called `all`, these stages above it, and one signal and one score with these names."""
    made = {
        "name": "made",
        "signals": {"s": {"on": "Seen"}},
        "scores": {"x": {"rules": {"r": {"signal": "s", "points": points}}}},
        "stages": [{"name": "all"}, *({"name": name, **rung} for name, rung in rungs)],
    }
    text = json.dumps(made).replace('"s"', f'"{signal}"').replace('"x"', f'"{score}"')
    return dict(json.loads(text))


def names(before: Json, after: Json) -> dict[str, str]:
    return renamed_stages(load_model(before), load_model(after))


BEFORE = document(("a", A), ("b", B), ("c", C))


@pytest.mark.parametrize(
    ("after", "renamed"),
    [
        (BEFORE, {}),
        (document(("warm", A), ("b", B), ("c", C)), {"a": "warm"}),
        (document(("warm", A), ("hot", B), ("c", C)), {"a": "warm", "b": "hot"}),
        (document(("hot", B), ("c", C), ("warm", A)), {"a": "warm", "b": "hot"}),
        (document(("warm", A), ("b", C), ("d", C)), {"a": "warm", "c": "d"}),
        (document(("warm", A), ("b", B), ("c", C), score="y", signal="t"), {"a": "warm"}),
        (document(("warm", A), ("b", B), points=2), {"a": "warm"}),
        ({**BEFORE, "stages": [{"name": "everybody"}, *BEFORE["stages"][1:]]}, {"all": "everybody"}),
    ],
    ids=["same", "one", "two", "reordered", "beside a change", "with what it asks for", "with other points", "lowest"],
)
def test_a_stage_with_another_name_and_nothing_else_is_renamed(after: Json, renamed: dict[str, str]) -> None:
    assert names(BEFORE, after) == renamed
    assert names(after, BEFORE) == {new: old for old, new in renamed.items()}


@pytest.mark.parametrize(
    ("after", "renamed"),
    [
        (document(("b", A), ("a", B), ("c", C)), {"a": "b", "b": "a"}),
        (document(("b", A), ("c", B), ("a", C)), {"a": "b", "b": "c", "c": "a"}),
        (document(("b", A), ("d", B), ("c", C)), {"a": "b", "b": "d"}),
    ],
    ids=["swapped", "all in a circle", "handed on"],
)
def test_stages_may_swap_names(after: Json, renamed: dict[str, str]) -> None:
    assert names(BEFORE, after) == renamed
    assert names(after, BEFORE) == {new: old for old, new in renamed.items()}


@pytest.mark.parametrize(
    "after",
    [
        document(("warm", A | {"sales_ready": True}), ("b", B), ("c", C)),
        document(("warm", A | {"outcome": "won"}), ("b", B), ("c", C)),
        document(("warm", {"when": A["when"]}), ("b", B), ("c", C)),
        document(("b", A), ("c", C)),
        document(("b", A), ("d", {"when": {"trait": "d", "eq": 1}}), ("c", C)),
        document(("d", A), ("a", {"when": {"trait": "d", "eq": 1}}), ("b", B), ("c", C)),
    ],
    ids=[
        "for sales now",
        "won now",
        "without keep",
        "in the place of another",
        "that has changed",
        "and its name in use",
    ],
)
def test_a_stage_that_also_changed_or_whose_old_name_is_still_used_is_not_renamed(after: Json) -> None:
    assert names(BEFORE, after) == names(after, BEFORE) == {}


def test_a_renamed_stage_may_have_another_title() -> None:
    assert names(BEFORE, document(("warm", A | {"title": "Warm"}), ("b", B), ("c", C))) == {"a": "warm"}


def test_of_stages_with_the_same_condition_the_highest_are_paired() -> None:
    before, after = document(("a", A), ("b", A)), document(("p", A), ("o", A))
    assert names(before, after) == {"a": "p", "b": "o"}
    assert names(before, document(("p", A))) == {"b": "p"}
    assert names(document(("a", A), ("b", A)), document(("a", A), ("p", A))) == {"b": "p"}


def test_signals_and_scores_in_conditions_may_swap_names_too() -> None:
    signals = {"s": {"on": "Seen"}, "t": {"on": "Tried"}}
    before = {**document(("a", {"when": {"signal": "s"}})), "signals": signals, "scores": {}}
    after = {**before, "signals": {"s": signals["t"], "t": signals["s"]}}
    renamed = after | {"stages": [{"name": "all"}, {"name": "b", "when": {"signal": "t"}}]}
    assert names(before, renamed) == {"a": "b"}
    changed = after | {"stages": [{"name": "all"}, {"name": "b", "when": {"signal": "s"}}]}
    assert names(before, changed) == {}


@settings(max_examples=100)
@given(models(), models(), st.permutations(["first", "second", "third", "fourth", "fifth"]), st.booleans())
def test_renames_are_unique_and_reversible(one: Json, other: Json, names_drawn: list[str], alike: bool) -> None:
    after = one if alike else other
    stages = [{**stage, "name": name} for stage, name in zip(after["stages"], names_drawn, strict=False)]
    after = {**after, "stages": stages}
    there, back = names(one, after), names(after, one)
    assert back == {new: old for old, new in there.items()}
    assert there.keys() <= {stage["name"] for stage in one["stages"]}
    called = [there.get(stage["name"], stage["name"]) for stage in one["stages"]]
    assert len(set(called)) == len(called)
