"""Conditions: three-valued answers over bounds, and explanations. What operators mean is in `cases/conditions.json`."""

from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.scoring.conditions import (
    Answer,
    CompiledCondition,
    all_of,
    any_of,
    bounds_test,
    compile_condition,
    lookup,
    negation,
)
from app.scoring.document import Condition
from app.scoring.operators import as_boolean, as_number
from tests.scoring.strategies import NUMBERS

Json = dict[str, Any]
ANSWERS: list[Answer] = [True, False, None]
answers = st.lists(st.sampled_from(ANSWERS), max_size=4)


class View:
    """A lead with these traits, scores within bounds and hits within bounds."""

    def __init__(self, *, traits: Json | None = None, score: tuple[float, float] = (0, 0), hits: int = 0) -> None:
        self.traits = traits or {}
        self._score = score
        self._hits = hits

    def score(self, _name: str) -> tuple[float, float]:
        return self._score

    def hits(self, _signal: str, _within_days: int | None) -> tuple[float, float]:
        return self._hits, self._hits


def condition(written: Json) -> CompiledCondition:
    return compile_condition(TypeAdapter(Condition).validate_python(written))


def completions(given_answers: list[Answer]) -> list[list[bool]]:
    """Every combination of answers with the unknown ones filled in."""
    ways: list[list[bool]] = [[]]
    for answer in given_answers:
        ways = [[*way, known] for way in ways for known in ([True, False] if answer is None else [answer])]
    return ways


def settled(outcomes: set[bool]) -> Answer:
    return outcomes.pop() if len(outcomes) == 1 else None


@given(answers)
def test_all_any_and_negation_are_certain_exactly_when_every_completion_agrees(some: list[Answer]) -> None:
    assert all_of(some) == settled({all(way) for way in completions(some)})
    assert any_of(some) == settled({any(way) for way in completions(some)})
    assert [negation(answer) for answer in some] == [settled({not way[0] for way in completions([a])}) for a in some]


@pytest.mark.parametrize(
    ("written", "score", "answer"),
    [
        ({"gte": 40}, (40, 60), True),
        ({"gte": 40}, (30, 39), False),
        ({"gte": 40}, (30, 40), None),
        ({"lt": 40}, (10, 39), True),
        ({"lt": 40}, (39, 40), None),
        ({"gte": 40, "lte": 50}, (41, 49), True),
        ({"gte": 40, "lte": 50}, (51, 60), False),
        ({"gte": 40, "lte": 50}, (45, 55), None),
        ({"eq": 40}, (40, 40), True),
        ({"eq": 40}, (39, 41), None),
        ({"ne": 40}, (40, 40), False),
        ({"ne": 40}, (39, 41), None),
        ({"in": [1, 2]}, (2, 2), True),
        ({"not_in": [1, 2]}, (1, 2), None),
        ({"gte": 5}, (4, inf), None),
        ({"gte": 5}, (-inf, 4), False),
        ({"lt": 5}, (5, inf), False),
        ({"lte": 5}, (-inf, 5), True),
        ({"eq": 5}, (0, inf), None),
        ({"eq": 5}, (6, inf), False),
        ({"ne": 5}, (6, inf), True),
        ({"in": [4, 5]}, (6, inf), False),
        ({"in": [4, 7]}, (6, inf), None),
        ({"not_in": [4, 5]}, (6, inf), True),
    ],
)
def test_a_test_of_a_bounded_number_is_known_only_if_the_bounds_decide_it(
    written: Json, score: tuple[float, float], answer: Answer
) -> None:
    assert bounds_test(written)(score) is answer


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ({"all": [{"score": "x", "gte": 5}, {"trait": "a", "exists": True}]}, False),
        ({"any": [{"score": "x", "gte": 5}, {"trait": "a", "exists": False}]}, True),
        ({"any": [{"score": "x", "gte": 5}]}, None),
        ({"none": [{"score": "x", "gte": 5}]}, None),
        ({"none": [{"score": "x", "gte": 5}, {"trait": "a", "exists": False}]}, False),
        (
            {"all": [{"score": "x", "gte": 0}], "any": [{"score": "x", "gte": 5}], "none": [{"score": "x", "gt": 9}]},
            None,
        ),
    ],
)
def test_a_combination_is_known_if_its_known_parts_decide_it(written: Json, answer: Answer) -> None:
    assert condition(written).holds(View(score=(0, 9))) is answer


@pytest.mark.parametrize("number", [*NUMBERS, "1e308", "9" * 308])
def test_every_value_read_as_a_number_supports_arithmetic(number: Any) -> None:
    read = as_number(number)
    assert read is not None
    assert isinstance(read - 0.5, float)


@pytest.mark.parametrize("text", ["9" * 309, "1e309", "9" * 10_000, 10**309, "inf", "nan", "", " "])
def test_a_value_beyond_the_range_of_floats_is_not_read_as_a_number(text: Any) -> None:
    assert as_number(text) is None


@pytest.mark.parametrize(("value", "read"), [(" Yes ", True), (0, False), ("maybe", None), ([True], None), ({}, None)])
def test_only_words_for_yes_and_no_are_read_as_booleans(value: Any, read: bool | None) -> None:
    assert as_boolean(value) is read


# --- Explanations -----------------------------------------------------------------------------------------------

SIZE: Json = {"trait": "size", "gte": 50}
EMAIL: Json = {"trait": "email", "exists": True}


@pytest.mark.parametrize(
    ("written", "view", "actual", "short_by"),
    [
        (SIZE, View(traits={"size": 50}), 50, None),
        (SIZE, View(traits={"size": "47.5"}), "47.5", 2.5),
        (SIZE, View(traits={"size": "few"}), "few", None),
        (SIZE, View(), None, None),
        ({"trait": "size", "gte": 10, "lt": 20}, View(traits={"size": 25}), 25, 5),
        ({"trait": "size", "eq": 10}, View(traits={"size": 25}), 25, None),
        ({"score": "x", "gte": 40}, View(score=(37.77, 37.77)), 37.77, 2.23),
        ({"score": "x", "lt": 0}, View(score=(3, 3)), 3, 3),
        ({"signal": "s", "at_least": 3}, View(hits=1), 1, 2),
        ({"signal": "s"}, View(hits=0), 0, 1),
        ({"signal": "s", "within_days": 7}, View(hits=1), 1, None),
    ],
)
def test_the_explanation_of_a_leaf_adds_the_actual_value_and_the_shortfall(
    written: Json, view: View, actual: Any, short_by: float | None
) -> None:
    compiled = condition(written)
    assert compiled.explain(view) == (compiled.holds(view), {**written, "actual": actual, "short_by": short_by})


def explained(leaf: Json, actual: Any = None, short_by: float | None = None) -> Json:
    return {**leaf, "actual": actual, "short_by": short_by}


@pytest.mark.parametrize(
    ("written", "traits", "explanation"),
    [
        ({"all": [SIZE, EMAIL]}, {"size": 60}, explained(EMAIL)),
        ({"all": [SIZE, EMAIL]}, {"size": 60, "email": "a"}, {"all": [explained(SIZE, 60), explained(EMAIL, "a")]}),
        ({"any": [SIZE, EMAIL]}, {"email": "a"}, explained(EMAIL, "a")),
        ({"any": [SIZE, EMAIL]}, {"size": 49}, {"any": [explained(SIZE, 49, 1), explained(EMAIL)]}),
        ({"none": [SIZE, EMAIL]}, {"size": 60}, {"none": [explained(SIZE, 60)]}),
        ({"none": [EMAIL]}, {}, {"none": [explained(EMAIL)]}),
        ({"all": [SIZE], "any": [EMAIL]}, {"email": "a"}, explained(SIZE)),
        ({"all": [SIZE], "none": [EMAIL]}, {"email": "a"}, {"all": [explained(SIZE)], "none": [explained(EMAIL, "a")]}),
        ({"any": [{"all": [SIZE, EMAIL]}]}, {"size": 60}, explained(EMAIL)),
        ({"none": [SIZE]}, {"size": 47}, {"none": [explained(SIZE, 47)]}),
        (
            {"none": [{"all": [SIZE, EMAIL]}]},
            {"size": 47},
            {"none": [{"all": [explained(SIZE, 47), explained(EMAIL)]}]},
        ),
        ({"none": [{"none": [SIZE]}]}, {"size": 47}, {"none": [{"none": [explained(SIZE, 47, 3)]}]}),
        (
            {"all": [EMAIL], "none": [SIZE]},
            {"email": "a", "size": 9},
            {"all": [explained(EMAIL, "a")], "none": [explained(SIZE, 9)]},
        ),
    ],
)
def test_a_combination_is_explained_by_the_parts_that_decide_it(written: Json, traits: Json, explanation: Json) -> None:
    compiled, view = condition(written), View(traits=traits)
    assert compiled.explain(view) == (compiled.holds(view), explanation)


@pytest.mark.parametrize("hits", [0, 1, 2, 5])
def test_a_leaf_under_none_never_has_a_shortfall(hits: int) -> None:
    demos = {"signal": "demo", "at_least": 2}
    assert condition({"none": [demos]}).explain(View(hits=hits))[1] == {"none": [explained(demos, hits)]}


# --- Fields -----------------------------------------------------------------------------------------------------


def test_a_path_can_lead_through_very_deeply_nested_lists() -> None:
    deep: Any = {"sku": "A1"}
    for _ in range(100_000):
        deep = [deep]
    assert lookup({"products": deep}, "products.sku") == ["A1"]


def test_a_path_through_nested_lists_gives_one_flat_list_in_order() -> None:
    products = [{"tags": ["a", ["b"]]}, [{"tags": "c"}, {"tags": None}], {"tags": []}]
    assert lookup({"products": products}, "products.tags") == ["a", "b", "c"]


def test_the_longest_path_is_followed_to_its_end() -> None:
    path = ".".join("a" * 100)
    nested: Any = 1
    for _ in range(100):
        nested = {"a": nested}
    assert lookup(nested, path) == 1
