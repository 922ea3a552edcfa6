"""Stages: on which rung a lead stands and why, when it moves, and what will move it if nothing more happens.

`settle` is the one transition function. Whatever can change a stage (ingestion, a merge, time, a new model) calls it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Literal

from app.scoring.conditions import Answer, Bounds, any_of
from app.scoring.engine import CompiledModel, CompiledStage, Evaluation, evaluate_day, total
from app.scoring.rules import NOTHING

Cause = Literal["event", "merge", "time", "model"]

HORIZON_DAYS = 3_650
"""How far a forecast looks. A lead that nothing moves within ten years is looked at again then."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The rung on which a lead stands, and since when."""

    stage: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of stage, with what it rested on."""

    from_stage: str
    to_stage: str
    at: datetime
    cause: Cause
    model_version: int
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Change:
    """What the forecast tells: the first day, in UTC, on which the lead stands elsewhere."""

    on: date
    stage: str


def settle(
    evaluation: Evaluation, standing: Standing | None, moment: datetime, cause: Cause
) -> tuple[Standing, Transition | None]:
    """Where the lead stands now, and the transition if that is elsewhere than before.

    A lead that is new (`standing` is None) starts on the first rung.
    """
    before = standing or Standing(evaluation.model.stages[0].name, moment)
    stage = stage_of(evaluation, before.stage)
    if stage == before.stage:
        return before, None
    transition = Transition(before.stage, stage, moment, cause, evaluation.model.version, dict(evaluation.values))
    return Standing(stage, moment), transition


def stage_of(evaluation: Evaluation, current: str | None) -> str:
    """The highest rung that holds the lead, who stands on `current` until now."""
    return _highest_rung(evaluation.model, evaluation, current)[0]


def _highest_rung(model: CompiledModel, view: Any, current: str | None) -> tuple[str, bool]:
    """The highest rung that may hold the lead, and whether it certainly does throughout the view."""
    answers = ((stage.name, rung_holds(stage, view, current)) for stage in reversed(model.stages))
    return next((name, answer is True) for name, answer in answers if answer is not False)


def rung_holds(stage: CompiledStage, view: Any, current: str | None) -> Answer:
    """A rung holds whom its `when` lets in and, by its `keep`, whom it has already."""
    if stage.when is None:
        return True
    if stage.keep is None or stage.name != current:
        return stage.when.holds(view)
    return any_of((stage.when.holds(view), stage.keep.holds(view)))


def stage_reason(evaluation: Evaluation, stage_name: str) -> dict[str, Any]:
    """Which condition holds the lead on its stage; and for the next rung up, what is missing and by how much."""
    names = [stage.name for stage in evaluation.model.stages]
    index = names.index(stage_name)
    stage = evaluation.model.stages[index]
    above = evaluation.model.stages[index + 1] if index + 1 < len(names) else None
    kept = stage.when is not None and not stage.when.holds(evaluation)
    condition = stage.keep if kept else stage.when
    return {
        "stage": stage_name,
        "kept": kept,
        "because": condition.explain(evaluation) if condition is not None else None,
        "next": above and {"stage": above.name, "missing": above.when.explain(evaluation) if above.when else None},
    }


# --- The forecast -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """A lead over days on which nothing happens, seen from the first and the last of them.

    Each rule's points move one way only, so between the two readings every number lies within them.
    """

    first: Evaluation
    last: Evaluation

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


def forecast(evaluation: Evaluation, stage: str) -> Change | None:
    """The first change of stage within the horizon, if nothing more happens.

    The facts must hold nothing that lies after the reading's day.
    """

    @cache
    def on(day: int) -> Evaluation:
        return evaluate_day(evaluation.model, evaluation.profile, day)

    day = _first_change(on, stage, evaluation.day + 1, evaluation.day + HORIZON_DAYS)
    return None if day is None else Change(date.fromordinal(day), stage_of(on(day), stage))


def _first_change(on: Callable[[int], Evaluation], stage: str, first: int, last: int) -> int | None:
    """The first day on which the stage is another, found by halving the spans in which that is not certain."""
    model = on(first).model
    highest, is_certain = _highest_rung(model, Span(on(first), on(last)), stage)
    if is_certain:  # as it always is of a single day
        return None if highest == stage else first
    middle = (first + last) // 2
    found = _first_change(on, stage, first, middle)
    return found if found is not None else _first_change(on, stage, middle + 1, last)
