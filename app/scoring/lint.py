"""The linter: warns about settings in a scoring model that are valid but probably unintended.

It warns only about what `attainable.py` can prove, so there are no false alarms, but a model without warnings may
still have mistakes. Every warning names the thing and the remedy.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Literal, Self

from app.scoring.attainable import Known, answer, attainable, can_hold, clipped, implies, most_hits
from app.scoring.conditions import Bounds, bounds_test
from app.scoring.document import Condition, Leaf, Rule, Score, ScoringModel, Signal, Stage, leaves
from app.scoring.emails import DERIVED_TRAITS
from app.scoring.events import event_name_key
from app.scoring.facts import is_part_of_any
from app.scoring.rules import to_cents
from app.scoring.signals import fingerprint_of

Code = Literal[
    "unread-trait",
    "derived-trait",
    "unread-signal",
    "unreachable-threshold",
    "unreachable-stage",
    "double-count",
    "cap-below-hit",
]


@dataclass(frozen=True, slots=True)
class LintWarning:
    """One probable mistake. `path` is its place in the document, such as `stages[2].when.all[0].gte`."""

    code: Code
    path: str
    message: str


def lint(model: ScoringModel) -> tuple[LintWarning, ...]:
    """All warnings, grouped by kind; within a kind, in the document's order."""
    bounds = {name: attainable(score) for name, score in model.scores.items()}
    return (
        *_unread_traits(model),
        *_derived_traits(model),
        *_unread_signals(model),
        *_unreachable_thresholds(model, bounds),
        *_unreachable_stages(model, bounds),
        *_double_counts(model),
        *_low_caps(model),
    )


# --- Traits -----------------------------------------------------------------------------------------------------


def _unread_traits(model: ScoringModel) -> Iterator[LintWarning]:
    read = {leaf.target for _, leaf in (*_rule_leaves(model), *_stage_leaves(model)) if leaf.subject == "trait"}
    if read & DERIVED_TRAITS:
        read.add("email")
    for name in model.traits:
        if not any(is_part_of_any(path, [name]) for path in read):
            message = f"no rule or stage uses {name}: use it in one, or remove it"
            yield LintWarning("unread-trait", f"traits.{name}", message)


def _derived_traits(model: ScoringModel) -> Iterator[LintWarning]:
    trusted = {name for name, trait in model.traits.items() if trait.trusted}
    if "email" in trusted:
        return
    for name in model.traits:
        if name in trusted & DERIVED_TRAITS:
            message = f"{name} is computed from email, which public keys may set: make email trusted instead"
            yield LintWarning("derived-trait", f"traits.{name}", message)


# --- Signals ----------------------------------------------------------------------------------------------------


def _unread_signals(model: ScoringModel) -> Iterator[LintWarning]:
    read = {rule.signal for score in model.scores.values() for rule in score.rules.values()}
    read |= {leaf.signal for _, leaf in _stage_leaves(model)}
    for name in model.signals:
        if name not in read:
            message = f"no rule or stage uses {name}: use it in one, or remove it"
            yield LintWarning("unread-signal", f"signals.{name}", message)


def _rule_leaves(model: ScoringModel) -> Iterator[tuple[str, Leaf]]:
    for name, score in model.scores.items():
        for key, rule in score.rules.items():
            if rule.when is not None:
                yield from leaves(rule.when, f"scores.{name}.rules.{key}.when")


def _stage_leaves(model: ScoringModel) -> Iterator[tuple[str, Leaf]]:
    for index, stage in enumerate(model.stages):
        for name, condition in (("when", stage.when), ("keep", stage.keep)):
            if condition is not None:
                yield from leaves(condition, f"stages[{index}].{name}")


# --- Thresholds -------------------------------------------------------------------------------------------------


def _unreachable_thresholds(model: ScoringModel, bounds: Mapping[str, Bounds]) -> Iterator[LintWarning]:
    for name, score in model.scores.items():
        yield from _unreachable_frequencies(name, score)
        yield from _unreachable_bands(name, score, bounds[name])
    for place, leaf in _stage_leaves(model):
        if leaf.score is not None:
            yield from _unreachable_operands(leaf, leaf.score, place, bounds[leaf.score])


def _unreachable_operands(leaf: Leaf, score: str, place: str, bounds: Bounds) -> Iterator[LintWarning]:
    for operator, operand in leaf.operators.items():
        if bounds_test({operator: operand})(bounds) is False:
            message = (
                f"no lead can meet {operator} {operand}: {_range(score, bounds)}; "
                f"move the threshold, or change the points and limits of {score}"
            )
            yield LintWarning("unreachable-threshold", f"{place}.{operator}", message)


def _unreachable_frequencies(name: str, score: Score) -> Iterator[LintWarning]:
    for key, rule in score.rules.items():
        if rule.at_least is not None and rule.at_least > most_hits(rule):
            message = (
                f"{key} can never count {rule.at_least} hits: per_day {rule.per_day} lets {most_hits(rule)} count "
                f"in {rule.within_days} days; lower at_least, or raise per_day or within_days"
            )
            yield LintWarning("unreachable-threshold", f"scores.{name}.rules.{key}.at_least", message)


def _unreachable_bands(name: str, score: Score, bounds: Bounds) -> Iterator[LintWarning]:
    least, greatest = bounds
    for (above_threshold, above), (threshold, band) in pairwise([(math.inf, ""), *score.falling_bands]):
        if threshold > greatest:
            reason = f"{_range(name, bounds)}; lower its threshold, or change the points and limits of {name}"
        elif above_threshold <= max(threshold, least):
            reason = f"a lead that reaches it has already reached {above}; move its threshold, or remove it"
        else:
            continue
        message = f"no lead is ever {band}: {reason}"
        yield LintWarning("unreachable-threshold", f"scores.{name}.bands.{band}", message)


def _range(score: str, bounds: Bounds) -> str:
    least, greatest = bounds
    if least == greatest:
        return f"{score} is always {_number(least)}"
    if math.isinf(least):
        return f"{score} is never above {_number(greatest)}"
    if math.isinf(greatest):
        return f"{score} is never below {_number(least)}"
    return f"{score} is always between {_number(least)} and {_number(greatest)}"


def _number(value: float) -> str:
    return f"{value:.15g}"


# --- Stages -----------------------------------------------------------------------------------------------------


def _unreachable_stages(model: ScoringModel, bounds: Mapping[str, Bounds]) -> Iterator[LintWarning]:
    for index, stage in enumerate(model.stages):
        if stage.when is not None and not can_hold(stage.when, bounds):
            message = f"no lead can meet the condition of {stage.name}: move its thresholds within what scores can be"
            yield LintWarning("unreachable-stage", f"stages[{index}].when", message)
            continue
        reasons = (_hidden_by(stage, above, bounds) for above in model.stages[index + 1 :])
        reason = next(filter(None, reasons), None)
        if reason is not None:
            yield LintWarning("unreachable-stage", f"stages[{index}]", f"no lead is ever in {stage.name}: {reason}")


def _hidden_by(stage: Stage, above: Stage, bounds: Mapping[str, Bounds]) -> str | None:
    """Why no lead is ever in `stage`, if `above` takes them all. `keep` doesn't matter: it brings no lead in."""
    if above.when is not None and answer(above.when, Known(bounds)) is True:
        return f"{above.name}, a higher stage, takes every lead; make its when stricter"
    if above.when is not None and stage.when is not None and implies(stage.when, above.when, bounds):
        return (
            f"a lead that meets its condition also meets that of {above.name}, a higher stage; "
            f"make {above.name} stricter"
        )
    return None


# --- Double counts ----------------------------------------------------------------------------------------------


def _double_counts(model: ScoringModel) -> Iterator[LintWarning]:
    counted = {name: _CountedEvents.by(signal) for name, signal in model.signals.items()}
    for name, score in model.scores.items():
        # A frequency rule does not count an event twice: it rewards repetition.
        plain = {key: rule for key, rule in score.rules.items() if rule.signal is not None and rule.at_least is None}
        for index, (key, rule) in enumerate(plain.items()):
            earlier = islice(plain.items(), index)
            twin = next((other for other, before in earlier if _count_the_same(before, rule, counted)), None)
            if twin is not None:
                message = (
                    f"{key} and {twin} give points for the same event: remove one, give their signals where conditions "
                    "that exclude each other, or put both in one group to show that this is intended"
                )
                yield LintWarning("double-count", f"scores.{name}.rules.{key}", message)


@dataclass(frozen=True, slots=True)
class _CountedEvents:
    """The events that a signal counts."""

    keys: frozenset[str]
    where: Condition | None
    fingerprint: str

    @classmethod
    def by(cls, signal: Signal) -> Self:
        return cls(frozenset(map(event_name_key, signal.on)), signal.where, fingerprint_of(signal))

    def certainly_overlaps(self, other: Self) -> bool:
        if self.keys.isdisjoint(other.keys):
            return False
        if self.where is None or other.where is None:
            return True
        return implies(self.where, other.where, {}) or implies(other.where, self.where, {})


def _count_the_same(one: Rule, other: Rule, counted: Mapping[str, _CountedEvents]) -> bool:
    """Whether both rules certainly count some event, with no sign that this is intended.

    Signs of intent are a group that caps both, and one rule that takes back, for some of the events, points that the
    other gives for all.
    """
    if one.group is not None and one.group == other.group:
        return False
    first, second = counted[str(one.signal)], counted[str(other.signal)]
    takes_back = one.points * other.points < 0 and first.fingerprint != second.fingerprint
    return not takes_back and first.certainly_overlaps(second)


# --- Caps -------------------------------------------------------------------------------------------------------


def _low_caps(model: ScoringModel) -> Iterator[LintWarning]:
    for name, score in model.scores.items():
        path, given = f"scores.{name}", _points_at_once(score)
        for key, rule in score.rules.items():
            points = to_cents(rule.points)
            if rule.max_points is not None and abs(points) > rule.max_points:
                yield _low_cap(f"{path}.rules.{key}.max_points", rule.max_points, key, points)
        for group, cap in score.groups.items():
            members = {key: given[key] for key, rule in score.rules.items() if rule.group == group}
            largest = max(members, key=members.__getitem__, default=None)
            if largest is not None and members[largest] > cap.max:
                yield _low_cap(f"{path}.groups.{group}.max", cap.max, largest, members[largest])
        yield from _low_limits(path, score, given)


def _points_at_once(score: Score) -> dict[str, float]:
    """The points that each rule gives at once (for a single hit, if it has a signal), after its own cap."""
    return {key: clipped(rule, to_cents(rule.points)) for key, rule in score.rules.items()}


def _low_limits(path: str, score: Score, given: Mapping[str, float]) -> Iterator[LintWarning]:
    caps = {key: score.groups[rule.group].max if rule.group else math.inf for key, rule in score.rules.items()}
    capped = {key: min(points, caps[key]) for key, points in given.items()}
    highest, lowest = max(capped, key=capped.__getitem__), min(given, key=given.__getitem__)
    if score.max is not None and capped[highest] > max(score.max, 0):
        yield _low_cap(f"{path}.max", score.max, highest, capped[highest])
    # If other rules give points, a penalty may reasonably exceed `min`: it can cancel all of those points.
    if score.min is not None and capped[highest] <= 0 and given[lowest] < min(score.min, 0):
        yield _low_cap(f"{path}.min", score.min, lowest, given[lowest])


def _low_cap(path: str, cap: float, rule: str, points: float) -> LintWarning:
    name = path.rpartition(".")[2]
    move, goal = ("lower", points) if name == "min" else ("raise", abs(points))
    message = (
        f"{rule} gives {_number(points)} points at once, and {name} {_number(cap)} always cuts them: "
        f"{move} {name} to {_number(goal)}, or make the points smaller"
    )
    return LintWarning("cap-below-hit", path, message)
