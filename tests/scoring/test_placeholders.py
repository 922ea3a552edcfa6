"""Placeholders: whatever part of a document is malformed, all faults in the rest are reported along with it."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scoring.model import load_model
from app.validation.faults import InvalidModel
from tests.scoring.strategies import Json, models

EXAMPLES = [{"name": "one", "given": [{"event": "a", "days_ago": 1}], "expect": {"scores": {}}}]
DANGLING = {"name": "last", "when": {"signal": "nowhere"}}
BROKEN = {"unheard_of": True}


def paths_of(document: Json) -> list[str]:
    try:
        load_model(document)
    except InvalidModel as error:
        return [fault.path for fault in error.faults]
    return []


def breakable(document: Json) -> Iterator[tuple[int | str, ...]]:
    """Every location within a named part at which the part can be made malformed."""
    for name, signal in document["signals"].items():
        yield from _below(signal, "signals", name)
    for name, score in document["scores"].items():
        for field, value in score.items():
            if field not in ("rules", "groups"):
                yield from _below(value, "scores", name, field)
                continue
            for inner, part in value.items():
                yield from _below(part, "scores", name, field, inner)
    for index, stage in enumerate(document["stages"]):
        for field in ("when", "keep", "sales_ready"):
            if field in stage:
                yield from _below(stage[field], "stages", index, field)
    yield from _below(document["examples"][0], "examples", 0)


def _below(part: Any, *place: int | str) -> Iterator[tuple[int | str, ...]]:
    yield place
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in items:
        yield from _below(value, *place, key)


def broken(document: Json, place: tuple[int | str, ...]) -> Json:
    changed = deepcopy(document)
    within: Any = changed
    for key in place[:-1]:
        within = within[key]
    within[place[-1]] = deepcopy(BROKEN)
    return changed


@given(st.data())
def test_a_malformed_part_neither_hides_faults_of_others_nor_adds_any(data: st.DataObject) -> None:
    document = {**data.draw(models()), "examples": EXAMPLES}
    faulty = broken(document, data.draw(st.sampled_from(sorted(breakable(document), key=str))))
    own = paths_of(faulty)
    both = {**faulty, "stages": [*faulty["stages"], DANGLING]}
    assert paths_of(both) == [*own, f"stages[{len(faulty['stages'])}].when.signal"]


LEAST: Json = {"name": "least", "stages": [{"name": "interest"}, DANGLING]}
RULES = {"r": {"inactive_for_days": 1, "points": 1}}
NOWHERE = "stages[1].when.signal"


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ({"name": ""}, ["name", NOWHERE]),
        ({"unheard_of": 1}, ["unheard_of", NOWHERE]),
        ({"examples": 1}, ["examples", NOWHERE]),
        ({"signals": {"Bad Name": {"on": "a"}}}, ["signals.Bad Name", NOWHERE]),
        ({"signals": {"Bad Name": {}}}, ["signals.Bad Name", "signals.Bad Name.on", NOWHERE]),
        ({"scores": {"fit": 1}}, ["scores.fit", NOWHERE]),
        ({"scores": {"fit": {"rules": {}}}}, ["scores.fit.rules", NOWHERE]),
        ({"scores": {"fit": {"rules": {**RULES, "Bad Name": RULES["r"]}}}}, ["scores.fit.rules.Bad Name", NOWHERE]),
        ({"scores": {"fit": {"rules": RULES, "min": 2, "max": 1}}}, ["scores.fit", NOWHERE]),
        ({"stages": [1, DANGLING]}, ["stages[0]", NOWHERE]),
        ({"stages": [{"name": "interest"}, DANGLING, 1]}, ["stages[2]", NOWHERE]),
        ({"stages": [{"name": "interest"}, {**DANGLING, "name": "Bad Name"}]}, ["stages[1].name", NOWHERE]),
        ({"stages": [{"name": "interest"}, {**DANGLING, "unheard_of": 1}]}, ["stages[1].unheard_of", NOWHERE]),
    ],
)
def test_the_rest_of_a_malformed_document_is_checked(fields: Json, paths: list[str]) -> None:
    assert paths_of({**LEAST, **fields}) == paths


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"signals": 1}, "signals"),
        ({"scores": []}, "scores"),
        ({"stages": 1}, "stages"),
        ({"scores": {"fit": {"rules": {"r": {**RULES["r"], "group": "g"}}, "groups": 1}}}, "scores.fit.groups"),
    ],
)
def test_references_are_not_checked_if_the_names_are_malformed(fields: Json, path: str) -> None:
    assert paths_of({**LEAST, **fields}) == [path]
