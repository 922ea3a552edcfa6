"""Checks between the parts of a well-formed model: references to names, subjects allowed in a place, and totals."""

from collections.abc import Iterator
from typing import Any

from app.scoring.document import NUMERIC_OPERATORS, Condition, Leaf, Rule, Score, ScoringModel, Signal, Stage, leaves
from app.validation.faults import Fault
from app.validation.names import unknown_name_message

MAX_MESSAGES = 100_000  # in all examples, counting `times`: running that many takes seconds
MAX_EVENT_NAMES = 10_000  # of all signals together: a recount lists them in one SQL statement


def inconsistencies(model: ScoringModel) -> Iterator[Fault]:
    """Every fault that lies in how well-formed parts refer to one another, or in how large they are together."""
    events = sum(len(signal.on) for signal in model.signals.values())
    if events > MAX_EVENT_NAMES:
        yield Fault("signals", f"list {events} event names, more than the {MAX_EVENT_NAMES} allowed: list fewer")
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
        yield Fault(path, "is the first stage, which holds every lead: remove its when and keep")
    if index > 0 and stage.when is None:
        yield Fault(f"{path}.when", "is missing: every stage but the first needs a condition")
    if index == 0 and stage.outcome is not None:
        yield Fault(f"{path}.outcome", "can't be given to the first stage, where every lead starts: remove it")
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
            yield Fault(f"{path}.{operator}", "must be a number, because it is compared with a score")


def _wrong_subjects(condition: Condition, path: str, allowed: tuple[str, ...]) -> Iterator[Fault]:
    for place, leaf in leaves(condition, path):
        if leaf.subject not in allowed:
            yield Fault(f"{place}.{leaf.subject}", f"can't be used here; use {' or '.join(allowed)}")


def _repeated_stages(model: ScoringModel) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, stage in enumerate(model.stages):
        if stage.name in seen:
            yield Fault(f"stages[{index}].name", f"{stage.name} is already the name of another stage")
        seen.add(stage.name)


def _faults_in_examples(model: ScoringModel) -> Iterator[Fault]:
    stages = {stage.name: stage for stage in model.stages}
    messages = sum(given.times for example in model.examples for given in example.given)
    if messages > MAX_MESSAGES:
        message = f"have {messages} messages, more than the {MAX_MESSAGES} allowed: lower their times"
        yield Fault("examples", message)
    for index, example in enumerate(model.examples):
        path = f"examples[{index}].expect"
        if example.expect.stage is not None and example.expect.stage not in stages:
            yield Fault(f"{path}.stage", _unknown("stage", example.expect.stage, stages))
        for score in example.expect.scores.keys() - model.scores.keys():
            yield Fault(f"{path}.scores", _unknown("score", score, model.scores))


def _unknown(noun: str, name: str, known: dict[str, Any]) -> str:
    if not known:
        return f"unknown {noun} {name}: the model has no {noun}s"
    return unknown_name_message(f"{noun} {name}", name, known)
