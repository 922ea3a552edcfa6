"""Loading a scoring model: YAML 1.2 or JSON in, a checked `ScoringModel` or every fault with its path out."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import chain, islice
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, ScalarNode

from app.scoring.document import (
    COMBINERS,
    NUMERIC_OPERATORS,
    Condition,
    Leaf,
    Rule,
    Score,
    ScoringModel,
    Signal,
    Stage,
    leaves,
)

# ruamel.yaml takes about a second for a text of this length, and up to three if it is made to be slow.
MAX_CHARACTERS = 128 * 1024
MAX_VALUES = 50_000  # scalars, lists and mappings, aliases written out; a text counts once more per 64 characters
MAX_DEPTH = 32
MAX_MESSAGES = 100_000  # of all examples, each `times` over: to run them takes seconds
MAX_EVENT_NAMES = 10_000  # of all signals: to recount them, one statement names them all
_TOLD_NAMES = 20
_TOO_DEEP = f"is nested more than {MAX_DEPTH} deep: use fewer lists and mappings within each other"
_MARKS = frozenset({"combination", "leaf", "[key]"})  # pydantic's, of a union's branch and of a key


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a document: where (such as `stages[2].when.all[0].gte`) and what."""

    path: str
    message: str


class InvalidModel(ValueError):
    """A document is no scoring model. `faults` holds everything that is wrong with it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(f"{fault.path}: {fault.message}" for fault in faults))
        self.faults = faults


def load_model(source: str | dict[str, Any]) -> ScoringModel:
    """Read a model from YAML or JSON text, or from a mapping already parsed. Raises `InvalidModel`.

    Text may come from anybody: it is bounded before it is read, and what it repeats by aliases before it is repeated.
    """
    document = _parse(source) if isinstance(source, str) else _sized(source)
    try:
        model = ScoringModel.model_validate(document)
    except ValidationError as error:
        raise InvalidModel(tuple(_faults_of(error, document))) from None
    faults = tuple(_inconsistencies(model))
    if faults:
        raise InvalidModel(faults)
    return model


def dump_model(model: ScoringModel) -> dict[str, Any]:
    """The document as JSON types, as short as it was written: loading it again gives the same model."""
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


def dump_yaml(model: ScoringModel) -> str:
    """The document as YAML, to be edited. Comments and the like are not kept: they belong to whoever keeps the file."""
    yaml = YAML(pure=True)
    yaml.default_flow_style = None  # small leaves stay on their line
    yaml.width = 120
    text = StringIO()
    yaml.dump(dump_model(model), text)
    return text.getvalue()


def _parse(text: str) -> Any:
    # YAML 1.2, for 1.1 reads the field `on` as true; JSON is a part of it, and keys may not be repeated.
    if len(text) > MAX_CHARACTERS:
        raise _refusal(f"has {len(text)} characters, and {MAX_CHARACTERS} are allowed: make it shorter")
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = MAX_DEPTH
    try:
        graph = _sized(yaml.compose(text))  # before anything is made of it: aliases and merges make much of little
        return json.loads(json.dumps(yaml.constructor.construct_document(graph))) if graph else None
    except InvalidModel:
        raise
    except MaxDepthExceededError as error:
        raise _refusal(_TOO_DEEP, _place(error)) from None
    except YAMLError as error:
        raise _refusal(str(getattr(error, "problem", None) or "is not YAML or JSON"), _place(error)) from None
    except (TypeError, ValueError):
        raise _refusal("holds a value that JSON does not have; put dates and the like in quotes") from None


def _refusal(message: str, path: str = "document") -> InvalidModel:
    return InvalidModel((Fault(path, message),))


def _place(error: YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "document"


@dataclass(frozen=True, slots=True)
class _Size:
    values: int
    height: int


def _sized(document: Any) -> Any:
    """A document, as YAML's graph or as data. With its aliases written out, it must end, and not be too large."""
    _size_of(document, 0, {})
    return document


def _size_of(part: Any, depth: int, known: dict[int, _Size | None]) -> _Size:
    # What an alias repeats is not walked again: `known` has its size, and None for what is being walked.
    if id(part) not in known:
        if depth >= MAX_DEPTH:
            raise _refusal(_TOO_DEEP)
        known[id(part)] = None
        known[id(part)] = _size_with_children(part, depth, known)
    size = known[id(part)]
    if size is None:
        raise _refusal("holds an alias of a part that the alias stands in, which would never end: write that part out")
    if depth + size.height > MAX_DEPTH:
        raise _refusal(_TOO_DEEP)
    return size


def _size_with_children(part: Any, depth: int, known: dict[int, _Size | None]) -> _Size:
    values, height = 1 + _length(part) // 64, 0
    for child in _children(part):
        size = _size_of(child, depth + 1, known)
        values, height = values + size.values, max(height, size.height)
        if values > MAX_VALUES:  # at once, for there may be a million more
            break
    if values > MAX_VALUES:
        raise _refusal(f"holds more than {MAX_VALUES} values, with what its aliases repeat: make it smaller")
    return _Size(values, height + 1)


def _children(part: Any) -> Iterable[Any]:
    if isinstance(part, MappingNode):
        return chain.from_iterable(part.value)
    if isinstance(part, dict):
        return chain.from_iterable(part.items())
    return part.value if isinstance(part, CollectionNode) else part if isinstance(part, list) else ()


def _length(part: Any) -> int:
    text = part.value if isinstance(part, ScalarNode) else part
    return len(text) if isinstance(text, str) else 0


def _faults_of(error: ValidationError, document: Any) -> Iterator[Fault]:
    for detail in error.errors(include_url=False, include_input=False):
        message = detail["msg"].removeprefix("Value error, ")
        yield Fault(_path(detail["loc"], document), message[0].lower() + message[1:])


def _path(location: tuple[int | str, ...], document: Any) -> str:
    """Where in the document, without the marks that pydantic adds; so it follows the document along."""
    path, here = "", document
    for part in location:
        if isinstance(part, int):
            if isinstance(here, list):  # else a text that stands for a list of one
                path, here = f"{path}[{part}]", here[part]
        elif isinstance(here, dict) and (part in here or part not in _MARKS):
            path, here = f"{path}.{part}".removeprefix("."), here.get(part)
    return path or "document"


def _inconsistencies(model: ScoringModel) -> Iterator[Fault]:
    events = sum(len(signal.on) for signal in model.signals.values())
    if events > MAX_EVENT_NAMES:
        yield Fault("signals", f"name {events} events, and {MAX_EVENT_NAMES} are allowed: count fewer")
    for name, signal in model.signals.items():
        yield from _faults_in_signal(signal, f"signals.{name}")
    for name, score in model.scores.items():
        yield from _faults_in_score(model, score, f"scores.{name}")
    for index, stage in enumerate(model.stages):
        yield from _faults_in_stage(model, index, stage)
    yield from _repeated_stages(model)
    yield from _faults_in_examples(model)


def _faults_in_signal(signal: Signal, path: str) -> Iterator[Fault]:
    if signal.where is not None:
        yield from _wrong_subjects(signal.where, f"{path}.where", ("property", "context"))


def _faults_in_score(model: ScoringModel, score: Score, path: str) -> Iterator[Fault]:
    for name, rule in score.rules.items():
        yield from _faults_in_rule(model, score, rule, f"{path}.rules.{name}")


def _faults_in_rule(model: ScoringModel, score: Score, rule: Rule, path: str) -> Iterator[Fault]:
    if rule.signal is not None and rule.signal not in model.signals:
        yield Fault(f"{path}.signal", _unknown("signal", rule.signal, model.signals))
    if rule.group is not None and rule.group not in score.groups:
        yield Fault(f"{path}.group", _unknown("group", rule.group, score.groups))
    if rule.when is not None:
        yield from _wrong_subjects(rule.when, f"{path}.when", ("trait",))


def _faults_in_stage(model: ScoringModel, index: int, stage: Stage) -> Iterator[Fault]:
    path = f"stages[{index}]"
    if index == 0 and (stage.when is not None or stage.keep is not None):
        yield Fault(path, "is the first rung, on which everybody stands: remove its when and keep")
    if index > 0 and stage.when is None:
        yield Fault(f"{path}.when", "is missing: only the first rung is without a condition")
    for field in ("when", "keep"):
        condition = getattr(stage, field)
        if condition is not None:
            yield from _wrong_subjects(condition, f"{path}.{field}", ("trait", "score", "signal"))
            yield from _dangling_references(model, condition, f"{path}.{field}")


def _dangling_references(model: ScoringModel, condition: Condition, path: str) -> Iterator[Fault]:
    for place, leaf in leaves(condition, path):
        if leaf.signal is not None and leaf.signal not in model.signals:
            yield Fault(f"{place}.signal", _unknown("signal", leaf.signal, model.signals))
        if leaf.score is None:
            continue
        if leaf.score not in model.scores:
            yield Fault(f"{place}.score", _unknown("score", leaf.score, model.scores))
        yield from _not_numeric(leaf, place)


def _not_numeric(leaf: Leaf, path: str) -> Iterator[Fault]:
    for operator, operand in leaf.operators.items():
        operands = operand if isinstance(operand, list) else [operand]
        if operator not in NUMERIC_OPERATORS:
            yield Fault(f"{path}.{operator}", "does not apply to a score, which is a number")
        elif any(isinstance(item, str | bool) for item in operands):
            yield Fault(f"{path}.{operator}", "a score is compared with a number")


def _wrong_subjects(condition: Condition, path: str, allowed: tuple[str, ...]) -> Iterator[Fault]:
    for place, leaf in leaves(condition, path):
        if leaf.subject not in allowed:
            yield Fault(f"{place}.{leaf.subject}", f"can't be asked about here; ask about {' or '.join(allowed)}")


def _repeated_stages(model: ScoringModel) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, stage in enumerate(model.stages):
        if stage.name in seen:
            yield Fault(f"stages[{index}].name", f"{stage.name} is already the name of a rung")
        seen.add(stage.name)


def _faults_in_examples(model: ScoringModel) -> Iterator[Fault]:
    stages = {stage.name: stage for stage in model.stages}
    messages = sum(given.times for example in model.examples for given in example.given)
    if messages > MAX_MESSAGES:
        yield Fault("examples", f"tell of {messages} messages, and {MAX_MESSAGES} are allowed: lower their times")
    for index, example in enumerate(model.examples):
        path = f"examples[{index}].expect"
        if example.expect.stage is not None and example.expect.stage not in stages:
            yield Fault(f"{path}.stage", _unknown("stage", example.expect.stage, stages))
        for score in example.expect.scores.keys() - model.scores.keys():
            yield Fault(f"{path}.scores", _unknown("score", score, model.scores))


def _unknown(noun: str, name: str, known: dict[str, Any]) -> str:
    more = f" and {len(known) - _TOLD_NAMES} more" if len(known) > _TOLD_NAMES else ""
    return f"there is no {noun} {name}; there is {', '.join(islice(known, _TOLD_NAMES)) or 'none at all'}{more}"


__all__ = ["COMBINERS", "Fault", "InvalidModel", "ScoringModel", "dump_model", "dump_yaml", "load_model"]
