"""The JSON Schema accepts every model that loads, refuses common mistakes, and matches the stored file."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from app.scoring.model import load_model
from app.scoring.schema import json_schema
from app.validation.faults import InvalidModel
from tests.scoring.strategies import models

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "model.schema.json"
MODELS = [ROOT / "app" / "scoring" / "starter.yaml", *sorted((ROOT / "docs" / "examples").glob("*.yaml"))]
SCHEMA = Draft202012Validator(json_schema())
LEAST: Json = {"name": "least", "stages": [{"name": "interest"}]}
CONTEXT = {"context": "page.path", "starts_with": "/a"}


def read(file: Path) -> Any:
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(file.read_text())))


def with_signal(**signal: Any) -> Json:
    return LEAST | {"signals": {"visit": {"on": "Page Viewed", **signal}}}


def with_rule(**rule: Any) -> Json:
    return with_signal() | {"scores": {"fit": {"rules": {"r": {"points": 1, **rule}}}}}


def with_score(**score: Any) -> Json:
    rules = {"r": {"signal": "visit", "points": 1}}
    return with_signal() | {"scores": {"fit": {"rules": rules, **score}}}


def with_stage(when: Any) -> Json:
    return with_score() | {"stages": [{"name": "interest"}, {"name": "lead", "when": when}]}


def with_example(**example: Any) -> Json:
    return LEAST | {"examples": [{"name": "x", "given": [], "expect": {}, **example}]}


def test_the_schema_is_a_valid_json_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


def test_the_stored_file_matches_the_generated_schema() -> None:
    made = json.dumps(json_schema(), indent=2) + "\n"
    assert FILE.read_text() == made, "docs/model.schema.json is not up to date: run `make schema`"


@pytest.mark.parametrize("file", MODELS, ids=lambda file: file.name)
def test_it_accepts_the_model_in(file: Path) -> None:
    assert [error.message for error in SCHEMA.iter_errors(read(file))] == []


@pytest.mark.parametrize("file", MODELS, ids=lambda file: file.name)
def test_an_editor_finds_it_from(file: Path) -> None:
    first, _, _ = file.read_text().partition("\n")
    path = first.removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / path).resolve() == FILE


@settings(max_examples=60)
@given(models())
def test_it_accepts_every_model_that_loads(document: Json) -> None:
    load_model(document)
    assert [error.message for error in SCHEMA.iter_errors(document)] == []


@pytest.mark.parametrize(
    "right",
    [
        LEAST,
        with_signal(on=["Page Viewed", "Screen Viewed"], trusted=True),
        with_signal(where={"all": [{"property": "a", "in": [1, True, "x"]}], "none": [{"any": [CONTEXT]}]}),
        with_rule(signal="visit", at_least=3, within_days=7, per_day=1),
        with_rule(inactive_for_days=30, max_points=2.5),
        with_score(min=-5.5, max=0, bands={"hot": 60}, groups={"g": {"max": 0}}),
        with_stage({"any": [{"trait": "a", "exists": False}, {"score": "fit", "gte": 1, "lt": 2}]}),
        with_stage({"signal": "visit", "at_least": 2, "within_days": 30}),
        with_example(given=[{"traits": {"email": None}}], expect={"scores": {"fit": {"gte": 1, "lt": 2}, "y": 0}}),
    ],
)  # fmt: skip
def test_it_accepts(right: Json) -> None:
    assert [error.message for error in SCHEMA.iter_errors(right)] == []


MISTAKES: dict[str, Json] = {
    "a misspelt field of the model": LEAST | {"signal": {}},
    "a misspelt field of a signal": with_signal(were={"property": "a", "eq": 1}),
    "a misspelt field of a rule": with_rule(signal="visit", half_live_days=3),
    "a misspelt field of a score": with_score(maximum=3),
    "no name": {"stages": [{"name": "a"}]},
    "no stages": {"name": "a", "stages": []},
    "a name with a space": LEAST | {"signals": {"Bad Name": {"on": "x"}}},
    "no event name": with_signal(on=[]),
    "a number as event name": with_signal(on=3),
    "where as a list": with_signal(where=[{"property": "a", "eq": 1}]),
    "two subjects": with_signal(where={"property": "a", "context": "b", "eq": 1}),
    "no subject": with_signal(where={"eq": 1}),
    "an unknown operator": with_signal(where={"property": "a", "equals": 1}),
    "no operator": with_signal(where={"property": "a"}),
    "a subject of elsewhere": with_signal(where={"trait": "a", "eq": 1}),
    "a leaf beside a combination": with_signal(where={"all": [{"property": "a", "eq": 1}], "property": "b", "eq": 1}),
    "a combination of nothing": with_signal(where={"all": []}),
    "a condition without anything": with_signal(where={}),
    "a list as operand": with_signal(where={"property": "a", "eq": [1]}),
    "a truth to order by": with_signal(where={"property": "a", "gt": True}),
    "a field of nothing": with_signal(where={"property": "a", "eq": None}),
    "yes for true": with_signal(trusted="yes"),
    "a rule of no kind": with_rule(),
    "a rule of two kinds": with_rule(signal="visit", inactive_for_days=3),
    "a decay without a signal": with_rule(inactive_for_days=3, half_life_days=1),
    "two decays": with_rule(signal="visit", half_life_days=1, fades_over_days=2),
    "half a frequency": with_rule(signal="visit", at_least=2),
    "a frequency that fades": with_rule(signal="visit", at_least=2, within_days=2, half_life_days=1),
    "points as text": with_rule(signal="visit", points="5"),
    "a cap of nothing": with_rule(signal="visit", max_points=0),
    "a cap below zero": with_score(groups={"g": {"max": -1}}),
    "a threshold that is none": with_score(bands={"hot": "60"}),
    "a score compared with text": with_stage({"score": "fit", "gte": "40"}),
    "a score that contains": with_stage({"score": "fit", "contains": "4"}),
    "a signal with an operator": with_stage({"signal": "visit", "gte": 1}),
    "a property in a stage": with_stage({"property": "a", "eq": 1}),
    "an operator that examples lack": with_example(expect={"scores": {"fit": {"ne": 1}}}),
    "an example without expectations": {**LEAST, "examples": [{"name": "x", "given": []}]},
    "more signals than are allowed": LEAST | {"signals": {f"s{n}": {"on": "x"} for n in range(501)}},
}


@pytest.mark.parametrize("wrong", MISTAKES.values(), ids=MISTAKES)
def test_it_refuses(wrong: Json) -> None:
    assert not SCHEMA.is_valid(wrong)


@pytest.mark.parametrize(("mistake", "wrong"), MISTAKES.items(), ids=MISTAKES)
def test_documents_that_it_refuses_do_not_load_either(mistake: str, wrong: Json) -> None:
    with pytest.raises(InvalidModel):
        load_model(wrong)


def test_a_field_that_is_null_is_flagged_though_it_loads() -> None:
    unfinished = with_signal(where=None)
    load_model(unfinished)
    assert not SCHEMA.is_valid(unfinished)


def test_every_field_is_described() -> None:
    parts = [json_schema(), *json_schema()["$defs"].values()]
    fields = [field for part in parts for field in part.get("properties", {}).values()]
    assert len(fields) > 50
    assert [field for field in fields if not field["description"]] == []


def test_it_offers_no_null_and_no_empty_default() -> None:
    text = json.dumps(json_schema())
    assert [word for word in ('"null"', '"default": null', '"default": {}', '"default": []') if word in text] == []
