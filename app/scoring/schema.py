"""The JSON Schema of a scoring model, for editors: pydantic's own, corrected where it says too little or too much.

It covers what can be checked field by field. Only `load_model` checks what depends on other parts of the document, such
as names that must exist. In one way the schema is stricter: it flags a null, which loads as if the field were absent
but is usually one that somebody has not finished writing.
"""

from functools import cache
from itertools import combinations, product
from typing import Any

from app.scoring.document import DECAYS, NUMERIC_OPERATORS, OPERATORS, ScoringModel

Schema = dict[str, Any]

SUBJECTS_OF = {
    "EventCondition": ("property", "context"),
    "TraitCondition": ("trait",),
    "StageCondition": ("trait", "score", "signal"),
}
PLACES = {
    ("Signal", "where"): "EventCondition",
    ("Rule", "when"): "TraitCondition",
    ("Stage", "when"): "StageCondition",
    ("Stage", "keep"): "StageCondition",
}


@cache
def json_schema() -> Schema:
    """The schema, in draft 2020-12. Always the same object: don't change it."""
    model = ScoringModel.model_json_schema(by_alias=True)
    parts = model.pop("$defs")
    leaf, combiners = (_fields(name, parts.pop(name))["properties"] for name in ("Leaf", "Combination"))
    definitions = {name: _fields(name, part) for name, part in parts.items()}
    definitions["Rule"] |= _rules_of_one_kind()
    definitions |= {name: _condition(name, subjects, combiners) for name, subjects in SUBJECTS_OF.items()}
    definitions |= {
        _leaf_name(subject): _leaf(subject, leaf) for subjects in SUBJECTS_OF.values() for subject in subjects
    }
    about = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "leadscore scoring model"}
    return about | _fields("ScoringModel", model) | {"$defs": dict(sorted(definitions.items()))}


def _fields(part: str, schema: Schema) -> Schema:
    """A part of the document: its fields start with their descriptions, and have the conditions allowed there."""
    fields = {name: _field(PLACES.get((part, name)), field) for name, field in schema["properties"].items()}
    return {key: value for key, value in schema.items() if key != "title"} | {"properties": fields}


def _field(condition: str | None, field: Schema) -> Schema:
    described = {"description": field["description"]}
    return described | ({"$ref": f"#/$defs/{condition}"} if condition else _corrected(field))


def _corrected(schema: Any) -> Any:
    """Without titles, which repeat names, and without null; unknown names are not allowed."""
    if isinstance(schema, list):
        return [_corrected(item) for item in schema if item != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    corrected = {key: _corrected(value) for key, value in schema.items() if key != "title"}
    if corrected.get("default") in (None, {}, []):
        corrected.pop("default", None)
    if "patternProperties" in corrected:
        corrected["additionalProperties"] = False
    alternatives = corrected.pop("anyOf", [])
    return corrected | (alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives} if alternatives else {})


def _rules_of_one_kind() -> Schema:
    apart = [*combinations(DECAYS, 2), *product(DECAYS, ["at_least"])]
    return {
        "oneOf": [{"required": [kind]} for kind in ("signal", "when", "inactive_for_days")],
        "dependentRequired": {
            "at_least": ["signal", "within_days"],
            "within_days": ["signal", "at_least"],
            **{name: ["signal"] for name in ("per_day", *DECAYS)},
        },
        "allOf": [{"not": {"required": list(pair)}} for pair in apart],
    }


def _condition(name: str, subjects: tuple[str, ...], combiners: Schema) -> Schema:
    children = {"type": "array", "minItems": 1, "items": {"$ref": f"#/$defs/{name}"}}
    described = {key: {"description": field["description"]} | children for key, field in combiners.items()}
    combination = _object(described, minProperties=1)
    return {
        "description": f"A condition on a {' or a '.join(subjects)}, or several, combined.",
        "oneOf": [*({"$ref": f"#/$defs/{_leaf_name(subject)}"} for subject in subjects), combination],
    }


def _leaf_name(subject: str) -> str:
    return f"{subject.title()}Leaf"


def _leaf(subject: str, fields: Schema) -> Schema:
    """One subject with its operators. No other subject is allowed beside it."""
    if subject == "signal":
        return _object({name: fields[name] for name in ("signal", "at_least", "within_days")}, required=["signal"])
    operators = {name: fields[name] for name in OPERATORS}
    if subject == "score":
        operators = {name: _of_numbers(fields[name]) for name in NUMERIC_OPERATORS}
    return _object({subject: fields[subject]} | operators, required=[subject], minProperties=2)


def _of_numbers(operator: Schema) -> Schema:
    return operator | ({"items": {"type": "number"}} if "items" in operator else {"type": "number"})


def _object(properties: Schema, **keywords: Any) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False, **keywords}
