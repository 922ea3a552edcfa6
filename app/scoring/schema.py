"""The JSON Schema of a scoring model, for editors: pydantic's own, mended where it says less or more than is true.

It knows all that can be known of a field by itself. What hangs together across the document (names that must exist, the
first rung, decimals) only `load_model` knows. And it is stricter in one thing: a field that is null, which loads as if
it were not written, is flagged, since it is one that was not written to its end.
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

_OPERATOR = {
    "eq": "is equal; of texts, whatever the case",
    "ne": "is there and is not equal",
    "in": "equals one of these",
    "not_in": "is there and equals none of these",
    "gt": "is greater",
    "gte": "is greater or equal",
    "lt": "is less",
    "lte": "is less or equal",
    "contains": "has this text in it, whatever the case",
    "starts_with": "begins with this text, whatever the case",
    "ends_with": "ends with this text, whatever the case",
    "exists": "is there (true) or is not (false)",
}

DESCRIPTIONS: dict[str, dict[str, str]] = {
    "ScoringModel": {
        "name": "What the model is called.",
        "description": "What the model is for.",
        "traits": "How single traits of leads are treated, by name.",
        "signals": "What is counted, by name.",
        "scores": "What it is worth, by name.",
        "stages": "Where that puts a person, in ascending order: the highest rung whose `when` holds.",
        "examples": "What must stay true. Run by `leadscore model test`, and before the model is published.",
    },
    "Trait": {"trusted": "true: only secret keys set it. What public keys say of it does not count."},
    "Signal": {
        "on": "One event name or a list. Case, spaces, `_` and `-` do not matter.",
        "where": "A condition on the event's properties and context.",
        "trusted": "true: only events that came with a secret key count.",
    },
    "Score": {
        "rules": "How the score is earned and lost, by name.",
        "min": "The score is never lower. Two decimals at most.",
        "max": "The score is never higher. Two decimals at most.",
        "groups": "Caps over the sum of several rules, by name.",
        "bands": "name: threshold. The highest threshold that the score reaches names the band.",
    },
    "Group": {"max": "The most that the rules of the group give together. Two decimals at most."},
    "Rule": {
        "signal": "Points for each hit of this signal; with at_least and within_days, the points once.",
        "when": "Points while this condition on traits holds.",
        "inactive_for_days": "Points while the last event lies this many days back, or more.",
        "points": "How much it gives; may be negative.",
        "per_day": "How many hits of one day count at most.",
        "expires_after_days": "A hit counts fully while it is younger than this, then not at all.",
        "half_life_days": "A hit counts half after this many days, a quarter after twice as many.",
        "fades_over_days": "A hit counts less each day, and not at all after this many.",
        "at_least": "With within_days: the points once, while the signal has this many hits.",
        "within_days": "With at_least: only hits of this many days count, today's among them.",
        "max_points": "Clips the rule's points to plus or minus this much. Two decimals at most.",
        "group": "The group of this score under whose cap the rule falls.",
    },
    "Stage": {
        "name": "What the rung is called.",
        "when": "Who stands here. Every rung needs it but the first, which holds everybody.",
        "keep": "Who may stay, of those who stand here already: asks for less than `when`.",
        "sales_ready": "Whether a lead on this rung is one for sales.",
    },
    "Leaf": {
        "property": "A property of the event, by its dotted path: cart.total",
        "context": "The event's context, by its dotted path: page.path",
        "trait": "A trait of the lead, by its dotted path: company.employees",
        "score": "A score of the lead, compared with numbers.",
        "signal": "A signal of which the lead has hits.",
        **{name: f"Holds if the value {sentence}." for name, sentence in _OPERATOR.items()},
        "at_least": "How many hits of the signal it takes; 1 if not said.",
        "within_days": "Only hits of this many days count, today's among them; ever, if not said.",
    },
    "Condition": {
        "all": "Holds if all of these do.",
        "any": "Holds if at least one of these does.",
        "none": "Holds if not one of these does.",
    },
    "Given": {
        "event": "The event's name. Without it, the message only tells traits.",
        "properties": "The event's properties.",
        "context": "Its context, such as {page: {path: /pricing}}.",
        "traits": "What it tells of the person; null removes a trait.",
        "days_ago": "How many days before the moment of the question.",
        "times": "How many such messages there are.",
        "trusted": "Whether a secret key sent it.",
    },
    "Expected": {
        "stage": "The rung that the person must stand on.",
        "sales_ready": "Whether that rung must be one for sales.",
        "scores": "What scores must come to, by name: a number, or operators such as {gte: 40, lt: 60}.",
    },
    "Example": {
        "name": "A sentence about people, told if it does not hold.",
        "given": "The messages of one person who starts from nothing.",
        "expect": "What they must come to.",
    },
}


@cache
def json_schema() -> Schema:
    """The schema, in the draft of 2020-12: always the same object, to be read only."""
    model = ScoringModel.model_json_schema(by_alias=True)
    parts = model.pop("$defs")
    leaf = _fields("Leaf", parts.pop("Leaf"))["properties"]
    del parts["Combination"]
    told = {name: _fields(name, part) for name, part in parts.items()}
    told["Rule"] |= _rules_of_one_kind()
    told |= {name: _condition(name, subjects) for name, subjects in SUBJECTS_OF.items()}
    told |= {_leaf_name(subject): _leaf(subject, leaf) for subjects in SUBJECTS_OF.values() for subject in subjects}
    about = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "leadscore scoring model"}
    return about | _fields("ScoringModel", model) | {"$defs": dict(sorted(told.items()))}


def _fields(part: str, schema: Schema) -> Schema:
    """A part of the document with its fields described, and their conditions as their places allow."""
    fields = {name: _mended(field) for name, field in schema["properties"].items()}
    fields |= {name: {"$ref": f"#/$defs/{PLACES[part, name]}"} for name in fields if (part, name) in PLACES}
    described = {name: {"description": DESCRIPTIONS[part][name]} | field for name, field in fields.items()}
    return {key: value for key, value in schema.items() if key != "title"} | {"properties": described}


def _mended(schema: Any) -> Any:
    """Without titles, which repeat names, and null, which nobody would write; and no other names than allowed ones."""
    if isinstance(schema, list):
        return [_mended(item) for item in schema if item != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    told = {key: _mended(value) for key, value in schema.items() if key != "title"}
    if told.get("default") in (None, {}, []):
        told.pop("default", None)
    if "patternProperties" in told:
        told["additionalProperties"] = False
    alternatives = told.pop("anyOf", [])
    return told | (alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives} if alternatives else {})


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


def _condition(name: str, subjects: tuple[str, ...]) -> Schema:
    children = {"type": "array", "minItems": 1, "items": {"$ref": f"#/$defs/{name}"}}
    combiners = {key: {"description": text} | children for key, text in DESCRIPTIONS["Condition"].items()}
    combination = _object(combiners, minProperties=1)
    return {
        "description": f"A condition on a {' or a '.join(subjects)}, or several, combined.",
        "oneOf": [*({"$ref": f"#/$defs/{_leaf_name(subject)}"} for subject in subjects), combination],
    }


def _leaf_name(subject: str) -> str:
    return f"{subject.title()}Leaf"


def _leaf(subject: str, fields: Schema) -> Schema:
    """One subject with the operators that it has. Being the only subject allowed, it is the only one."""
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
