"""The named parts of a scoring model, in a form in which `matching.py` can match them with those of another model."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.scoring.document import Band, Document, Example, Score, ScoringModel, Signal, Trait
from app.scoring.events import event_name_key
from app.scoring.signals import fingerprint_of


@dataclass(frozen=True, slots=True)
class Part:
    """A named part. Parts with the same `meaning` differ at most in name; `texts` has the meaning of each field.

    `written` has the fields that the document sets, `fields` all fields, with their defaults.
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
"""By noun, from names to the aliases that replace them while models are compared: the same on both sides."""


# --- Parts ------------------------------------------------------------------------------------------------------


def head(model: ScoringModel) -> Parts:
    fields = {"name": model.name, "description": model.description}
    return {"": _part("", "document", "model", fields, fields)}


def traits(model: ScoringModel) -> Parts:
    """Clients refer to traits by name, so a trait with another name is another trait: its meaning is its name."""
    return {name: replace(_trait(name, trait), meaning=name) for name, trait in model.traits.items()}


def _trait(name: str, trait: Trait) -> Part:
    return _part(name, f"traits.{name}", f"trait {name}", _written(trait), _fields(trait))


def signals(model: ScoringModel) -> Parts:
    return {name: _signal(name, signal) for name, signal in model.signals.items()}


def _signal(name: str, signal: Signal) -> Part:
    """Its meaning is its fingerprint. Its `texts` distinguish what the fingerprint does: `1` and `1.0` differ."""
    fields = _fields(signal)
    texts = _texts({**fields, "on": sorted(set(map(event_name_key, signal.on)))})
    return Part(name, f"signals.{name}", f"signal {name}", _written(signal), fields, texts, fingerprint_of(signal))


def scores(model: ScoringModel, names: Names) -> Parts:
    return {name: _score(name, score, names) for name, score in model.scores.items()}


def _score(name: str, score: Score, names: Names) -> Part:
    """Its own fields are its limits and title. Its meaning includes rules, groups and bands: all must match."""
    fields = _plain(_fields(score))
    own = {field: fields[field] for field in ("min", "max", "title")}
    part = _part(name, f"scores.{name}", f"score {name}", _plain(_written(score)), own)
    everything = _renamed(fields, names) | {"bands": {band: each.fields for band, each in bands(name, score).items()}}
    return replace(part, meaning=_text(_untitled(everything)))


def groups(score: str, document: Score) -> Parts:
    return {name: _part_of_score(score, "group", name, group) for name, group in document.groups.items()}


def rules(score: str, document: Score, names: Names) -> Parts:
    return {name: _part_of_score(score, "rule", name, rule, names) for name, rule in document.rules.items()}


def _part_of_score(score: str, noun: str, name: str, document: Document, names: Names | None = None) -> Part:
    fields = _plain(_fields(document))
    path, label = f"scores.{score}.{noun}s.{name}", f"{noun} {name} of {score}"
    return _part(name, path, label, _plain(_written(document)), fields, _renamed(fields, names or {}))


def bands(score: str, document: Score) -> Parts:
    return {name: _band(score, name, band) for name, band in document.bands.items()}


def _band(score: str, name: str, band: float | Band) -> Part:
    full = band if isinstance(band, Band) else Band(threshold=band)
    path, label = f"scores.{score}.bands.{name}", f"band {name} of {score}"
    return _part(name, path, label, _plain(_written(full)), _plain(_fields(full)))


def stages(model: ScoringModel, names: Names) -> Parts:
    """By name, from the lowest stage to the highest."""
    by_name: dict[str, Part] = {}
    for index, stage in enumerate(model.stages):
        fields = {field: value for field, value in _plain(_fields(stage)).items() if field != "name"}
        path, label = f"stages[{index}]", f"stage {stage.name}"
        compared = _renamed(fields, names)
        by_name[stage.name] = _part(stage.name, path, label, _plain(_written(stage)), fields, compared)
    return by_name


def examples(model: ScoringModel, names: Names) -> Parts:
    """By name and number. Examples with the same name are numbered in the order of their meanings, not their places."""
    all_parts = [_example(index, example, names) for index, example in enumerate(model.examples)]
    keys, seen = dict[str, str](), Counter[str]()
    for part in sorted(all_parts, key=lambda part: part.meaning):
        seen[part.name] += 1
        keys[part.path] = f"{part.name} {seen[part.name]}"
    return {keys[part.path]: part for part in all_parts}


def _example(index: int, example: Example, names: Names) -> Part:
    full, written = _fields(example), _written(example)
    messages = [{**message, "event": event_name_key(message.get("event", ""))} for message in full["given"]]
    expected = _plain(_renamed(full["expect"], names))
    expected["scores"] = {names["score"].get(name, name): value for name, value in expected["scores"].items()}
    fields = {"given": written["given"], "expect": written["expect"]}
    compared = {"given": messages, "expect": expected}
    return _part(example.name, f"examples[{index}]", f'example "{example.name}"', written, fields, compared)


def _part(
    name: str, path: str, label: str, written: dict[str, Any], fields: dict[str, Any], compared: Any = None
) -> Part:
    """Its meaning leaves out titles: a part with another title can still have been renamed."""
    texts = _texts(compared or fields)
    return Part(name, path, label, written, fields, texts, _text(_texts(_untitled(compared or fields))))


def _written(document: Document) -> dict[str, Any]:
    written: dict[str, Any] = document.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    return written


def _fields(document: Document) -> dict[str, Any]:
    """Every field, with its default if it was not written."""
    fields = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {name: fields.get(name) for name in type(document).model_fields}


def _renamed(value: Any, names: Names, field: str = "") -> Any:
    """A value in which the names that it refers to are replaced by their aliases."""
    if isinstance(value, dict):
        return {key: _renamed(item, names, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return names.get(field, {}).get(value, value) if isinstance(value, str) else value


def _untitled(value: Any) -> Any:
    """A value without its titles and those of its parts. A part may also be named `title`, so only text counts."""
    if isinstance(value, dict):
        return {key: _untitled(item) for key, item in value.items() if key != "title" or isinstance(item, dict)}
    return value


def _plain(value: Any) -> Any:
    """A value with `40` for `40.0`, which are the same to scoring."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {field: _text(value) for field, value in fields.items()}
