"""Stages: which one a lead is in and why, when it moves, and when it will move if nothing more happens.

`settle` is the only transition function. Everything that can change a stage (ingestion, a merge, time, a new model)
calls it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache
from typing import Any, Literal, Self

from app.scoring.conditions import Answer, Bounds, CompiledCondition, any_of
from app.scoring.engine import CompiledModel, CompiledStage, Evaluation, on_day, total
from app.scoring.rules import NOTHING, Profile

Cause = Literal["event", "merge", "split", "retraction", "time", "model"]

HORIZON_DAYS = 3_650
"""How far ahead a forecast looks. A lead that won't move within ten years is checked again after them."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The stage that a lead is in, and since when. `reached`: when it first entered each stage that it moved to."""

    stage: str
    since: datetime
    reached: Mapping[str, datetime] = field(default_factory=dict)

    def joined(self, others: Iterable["Standing"]) -> Self:
        """With the stages that any of the others has reached, each at the earliest time."""
        reached = dict(self.reached)
        for other in others:
            _add_earliest(reached, other.reached)
        return self if reached == self.reached else replace(self, reached=reached)

    def renamed(self, names: Mapping[str, str]) -> Self:
        """With the stages' new names. Those that `names` lacks keep theirs."""
        reached: dict[str, datetime] = {}
        for stage, at in self.reached.items():
            _add_earliest(reached, {names.get(stage, stage): at})
        return replace(self, stage=names.get(self.stage, self.stage), reached=reached)


def _add_earliest(reached: dict[str, datetime], more: Mapping[str, datetime]) -> None:
    for stage, at in more.items():
        reached[stage] = min(at, reached.get(stage, at))


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of stage, with its cause and the model version and scores that decided it."""

    from_stage: str
    to_stage: str
    at: datetime
    cause: Cause
    model_version: int
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The first UTC day on which the lead will be in another stage, and that stage."""

    on: date
    stage: str


def settle(
    evaluation: Evaluation, standing: Standing | None, moment: datetime, cause: Cause
) -> tuple[Standing, Transition | None]:
    """The lead's standing now, and the transition if its stage changed.

    A new lead (`standing` is None) starts in the first stage.
    """
    before = standing or Standing(evaluation.model.stages[0].name, moment)
    stage = stage_of(evaluation, before.stage)
    if stage == before.stage:
        return before, None
    transition = Transition(before.stage, stage, moment, cause, evaluation.model.version, dict(evaluation.values))
    return Standing(stage, moment, {stage: moment, **before.reached}), transition


def stage_of(evaluation: Evaluation, current: str | None) -> str:
    """The highest stage that holds the lead, whose stage until now is `current`."""
    return _highest_stage(evaluation.model, evaluation, current)[0]


def _highest_stage(model: CompiledModel, view: Any, current: str | None) -> tuple[str, bool]:
    """The highest stage that may hold the lead, and whether it certainly does on every day of the view."""
    answers = ((stage.name, stage_holds(stage, view, current)) for stage in reversed(model.stages))
    return next((name, answer is True) for name, answer in answers if answer is not False)


def stage_holds(stage: CompiledStage, view: Any, current: str | None) -> Answer:
    """A stage holds a lead that meets its `when` or, if the lead is already in it, its `keep`."""
    if stage.when is None:
        return True
    may_hold = stage.needs is None or stage.needs.are_met(view.profile)
    holds = stage.when.holds(view) if may_hold else False
    return holds if stage.keep is None or stage.name != current else any_of((holds, stage.keep.holds(view)))


def stage_reason(evaluation: Evaluation, stage_name: str) -> dict[str, Any]:
    """The condition that holds the lead in its stage and, for every stage above, what is missing and by how much.

    `rungs` has all of them, since a lead may skip some; `next` is the first.
    """
    index = [stage.name for stage in evaluation.model.stages].index(stage_name)
    stage, *above = evaluation.model.stages[index:]
    holds, because = _explained(stage.when, evaluation)
    if not holds:
        _, because = _explained(stage.keep, evaluation)
    rungs = [{"stage": rung.name, "missing": _explained(rung.when, evaluation)[1]} for rung in above]
    return {
        "stage": stage_name,
        "kept": not holds,
        "because": because,
        "next": rungs[0] if rungs else None,
        "rungs": rungs,
    }


def _explained(condition: CompiledCondition | None, evaluation: Evaluation) -> tuple[Answer, dict[str, Any] | None]:
    return condition.explain(evaluation) if condition is not None else (True, None)


# --- The forecast -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """A view of a lead over a span of days without events, from its evaluations on the first and the last day.

    Each rule's points change in one direction only, so on every day between, they lie within those of the two.
    """

    first: Evaluation
    last: Evaluation

    @property
    def profile(self) -> Profile:
        return self.first.profile

    @property
    def traits(self) -> Mapping[str, Any]:
        return self.first.traits

    def score(self, name: str) -> Bounds:
        first, last = self.first.earned[name], self.last.earned[name]
        ends = {rule: (first.get(rule, NOTHING).points, last.get(rule, NOTHING).points) for rule in {*first, *last}}
        score = self.first.model.scores[name]
        least = total(score, {rule: min(points) for rule, points in ends.items()})
        return least, total(score, {rule: max(points) for rule, points in ends.items()})

    def hits(self, signal: str, within_days: int | None) -> Bounds:
        return self.last.hits(signal, within_days)[0], self.first.hits(signal, within_days)[0]


def forecast(evaluation: Evaluation, stage: str) -> Forecast | None:
    """The first change of stage within the horizon if nothing more happens; None if there is none.

    The facts must contain no hits after the evaluation's day.
    """

    @cache
    def on(day: int) -> Evaluation:
        return on_day(evaluation, day)

    first, last = evaluation.day + 1, evaluation.day + HORIZON_DAYS
    if _highest_stage(evaluation.model, Span(evaluation, on(last)), stage) == (stage, True):
        return None  # most leads: tomorrow need not be evaluated
    day = _first_change(on, stage, first, last)
    return None if day is None else Forecast(date.fromordinal(day), stage_of(on(day), stage))


def look_ahead(evaluation: Evaluation, stage: str, until: int) -> Iterator[tuple[Evaluation, str]]:
    """The evaluation and the stage on each later day up to `until`, if nothing more happens."""
    for day in range(evaluation.day + 1, until + 1):
        evaluation = on_day(evaluation, day)
        stage = stage_of(evaluation, stage)
        yield evaluation, stage


def predict(evaluation: Evaluation, stage: str, day: int) -> tuple[Evaluation, str]:
    """The same for a single day, which may be far ahead.

    It goes from change to change, because the stage of one day may depend on that of the day before.
    """
    while (change := forecast(evaluation, stage)) is not None and change.on.toordinal() <= day:
        evaluation = on_day(evaluation, change.on.toordinal())
        stage = change.stage
    evaluation = on_day(evaluation, day)
    return evaluation, stage_of(evaluation, stage)


def _first_change(on: Callable[[int], Evaluation], stage: str, first: int, last: int) -> int | None:
    """The first day with another stage. Spans in which the stage is not certain are bisected."""
    model = on(first).model
    highest, is_certain = _highest_stage(model, Span(on(first), on(last)), stage)
    if is_certain:  # always so for a single day
        return None if highest == stage else first
    middle = (first + last) // 2
    day = _first_change(on, stage, first, middle)
    return day if day is not None else _first_change(on, stage, middle + 1, last)
