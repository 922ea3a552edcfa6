"""Loading a scoring model: YAML 1.2 or JSON in, a checked `ScoringModel` or every fault with its path out."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from app.scoring.document import COMBINERS, Condition, Leaf, Rule, Score, ScoringModel, Signal, Stage, leaves

NUMERIC_OPERATORS = frozenset({"eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte"})
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
    """Read a model from YAML or JSON text, or from a mapping already parsed. Raises `InvalidModel`."""
    document = _parse(source) if isinstance(source, str) else source
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


def _parse(text: str) -> Any:
    # YAML 1.2, for 1.1 reads the field `on` as true; JSON is a part of it, and keys may not be repeated.
    try:
        return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text)))
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "document"
        raise InvalidModel((Fault(where, str(getattr(error, "problem", None) or "is not YAML or JSON")),)) from None
    except RecursionError:
        raise InvalidModel((Fault("document", "is nested too deeply"),)) from None
    except (TypeError, ValueError):
        message = "holds a value that JSON does not have; put dates and the like in quotes"
        raise InvalidModel((Fault("document", message),)) from None


def _faults_of(error: ValidationError, document: Any) -> Iterator[Fault]:
    for detail in error.errors(include_url=False, include_input=False):
        message = detail["msg"].removeprefix("Value error, ")
        yield Fault(_path(detail["loc"], document), message[0].lower() + message[1:])


def _path(location: tuple[int | str, ...], document: Any) -> str:
    """Where in the document, without the marks that pydantic adds; so it follows the document along."""
    path, here = "", document
    for part in location:
        if isinstance(part, int):
            path, here = f"{path}[{part}]", here[part]
        elif isinstance(here, dict) and (part in here or part not in _MARKS):
            path, here = f"{path}.{part}".removeprefix("."), here.get(part)
    return path or "document"


def _inconsistencies(model: ScoringModel) -> Iterator[Fault]:
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
    for index, example in enumerate(model.examples):
        path = f"examples[{index}].expect"
        if example.expect.stage is not None and example.expect.stage not in stages:
            yield Fault(f"{path}.stage", _unknown("stage", example.expect.stage, stages))
        for score in example.expect.scores.keys() - model.scores.keys():
            yield Fault(f"{path}.scores", _unknown("score", score, model.scores))


def _unknown(noun: str, name: str, known: dict[str, Any]) -> str:
    return f"there is no {noun} {name}; there is {', '.join(known) or 'none at all'}"


__all__ = ["COMBINERS", "Fault", "InvalidModel", "ScoringModel", "dump_model", "load_model"]
