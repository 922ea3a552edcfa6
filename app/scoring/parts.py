"""A scoring model taken apart into what has a name, so that two models can be matched part by part (`matching.py`)."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.scoring.document import Document, Example, Score, ScoringModel, Signal, Trait
from app.scoring.engine import fingerprint_of
from app.scoring.events import event_name_key


@dataclass(frozen=True, slots=True)
class Part:
    """Something with a name. What has the same `meaning` is the same but for its name; `texts` are that, by field.

    `fields` are all that it can have, with defaults; `written` those that it has.
    """

    name: str
    path: str
    label: str
    written: dict[str, Any]
    fields: dict[str, Any]
    texts: Mapping[str, str]
    meaning: str


Parts = Mapping[str, Part]
Names = Mapping[str, Mapping[str, str]]
"""By the noun, what a renamed thing is called while models are compared: the same on both sides."""


# --- Parts ------------------------------------------------------------------------------------------------------


def head(model: ScoringModel) -> Parts:
    fields = {"name": model.name, "description": model.description}
    return {"": _part("", "document", "model", fields, fields)}


def traits(model: ScoringModel) -> Parts:
    """Clients send traits by their names, so that another name is another trait."""
    return {name: replace(_trait(name, trait), meaning=name) for name, trait in model.traits.items()}


def _trait(name: str, trait: Trait) -> Part:
    return _part(name, f"traits.{name}", f"trait {name}", _written(trait), _fields(trait))


def signals(model: ScoringModel) -> Parts:
    return {name: _signal(name, signal) for name, signal in model.signals.items()}


def _signal(name: str, signal: Signal) -> Part:
    """Its meaning is its fingerprint, and what its fields mean is what goes into that: there, `1` and `1.0` differ."""
    fields = _fields(signal)
    texts = _texts({**fields, "on": sorted(set(map(event_name_key, signal.on)))})
    return Part(name, f"signals.{name}", f"signal {name}", _written(signal), fields, texts, fingerprint_of(signal))


def scores(model: ScoringModel, names: Names) -> Parts:
    return {name: _score(name, score, names) for name, score in model.scores.items()}


def _score(name: str, score: Score, names: Names) -> Part:
    """Its own fields are its limits; but only where its rules, groups and bands are the same too has it a new name."""
    everything = _plain(_fields(score))
    limits = {"min": everything["min"], "max": everything["max"]}
    part = _part(name, f"scores.{name}", f"score {name}", _plain(_written(score)), limits)
    return replace(part, meaning=_text(_renamed(everything, names)))


def groups(score: str, document: Score) -> Parts:
    return {name: _part_of_score(score, "group", name, group) for name, group in document.groups.items()}


def rules(score: str, document: Score, names: Names) -> Parts:
    return {name: _part_of_score(score, "rule", name, rule, names) for name, rule in document.rules.items()}


def _part_of_score(score: str, noun: str, name: str, document: Document, names: Names | None = None) -> Part:
    fields = _plain(_fields(document))
    path, label = f"scores.{score}.{noun}s.{name}", f"{noun} {name} of {score}"
    return _part(name, path, label, _plain(_written(document)), fields, _renamed(fields, names or {}))


def bands(score: str, document: Score) -> Parts:
    thresholds = {name: _plain({"threshold": threshold}) for name, threshold in document.bands.items()}
    path = f"scores.{score}.bands"
    return {name: _part(name, f"{path}.{name}", f"band {name} of {score}", at, at) for name, at in thresholds.items()}


def stages(model: ScoringModel, names: Names) -> Parts:
    """By name, in ascending order."""
    found: dict[str, Part] = {}
    for index, stage in enumerate(model.stages):
        fields = {field: value for field, value in _plain(_fields(stage)).items() if field != "name"}
        path, label = f"stages[{index}]", f"stage {stage.name}"
        found[stage.name] = _part(stage.name, path, label, _plain(_written(stage)), fields, _renamed(fields, names))
    return found


def examples(model: ScoringModel, names: Names) -> Parts:
    """By name. Several of one name are numbered by what they mean, wherever in the document they stand."""
    found = [_example(index, example, names) for index, example in enumerate(model.examples)]
    keys, seen = dict[str, str](), Counter[str]()
    for part in sorted(found, key=lambda part: part.meaning):
        seen[part.name] += 1
        keys[part.path] = f"{part.name} {seen[part.name]}"
    return {keys[part.path]: part for part in found}


def _example(index: int, example: Example, names: Names) -> Part:
    told, written = _fields(example), _written(example)
    messages = [{**message, "event": event_name_key(message.get("event", ""))} for message in told["given"]]
    expected = _plain(_renamed(told["expect"], names))
    expected["scores"] = {names["score"].get(name, name): value for name, value in expected["scores"].items()}
    fields = {"given": written["given"], "expect": written["expect"]}
    compared = {"given": messages, "expect": expected}
    return _part(example.name, f"examples[{index}]", f'example "{example.name}"', written, fields, compared)


def _part(
    name: str, path: str, label: str, written: dict[str, Any], fields: dict[str, Any], compared: Any = None
) -> Part:
    texts = _texts(compared or fields)
    return Part(name, path, label, written, fields, texts, _text(texts))


def _written(document: Document) -> dict[str, Any]:
    written: dict[str, Any] = document.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    return written


def _fields(document: Document) -> dict[str, Any]:
    """Every field, with its default where it was not written."""
    told = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {name: told.get(name) for name in type(document).model_fields}


def _renamed(value: Any, names: Names, field: str = "") -> Any:
    """Fields and conditions with the names that they refer to as these are called in comparing."""
    if isinstance(value, dict):
        return {key: _renamed(item, names, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return names.get(field, {}).get(value, value) if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    """Numbers as one would write them, `40` for `40.0`, since scoring does not tell these apart."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {field: _text(value) for field, value in fields.items()}
