"""What leads can attain under a model: the bounds of its scores, and what a condition implies about a lead.

The analysis is conservative. Bounds may be too wide, because the points of mutually exclusive rules are added up, and
an answer may be None. But no lead's score is ever outside the bounds, and an answer of true or false is right for
every lead.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.scoring.conditions import Answer, Bounds, all_of, any_of, bounds_test, negation
from app.scoring.decay import weight_of
from app.scoring.document import Combination, Condition, Leaf, Rule, Score
from app.scoring.rules import to_cents

UNCOUNTED = 10**12
"""A `per_day` above this is treated as no bound at all."""
ROUNDING = 1e-12
"""Relative rounding error of a sum of floats, compared with the limit of the series."""


# --- Scores -----------------------------------------------------------------------------------------------------


def attainable(score: Score) -> Bounds:
    """A score's least and greatest possible values; infinite where nothing bounds it."""
    sums: dict[str | None, list[Bounds]] = {}
    for rule in score.rules.values():
        sums.setdefault(rule.group, []).append(_attainable_points(rule))
    least = math.fsum(low for members in sums.values() for low, _ in members)
    greatest = math.fsum(
        min(math.fsum(high for _, high in members), score.groups[group].max if group else math.inf)
        for group, members in sums.items()
    )
    low, high = score.limits
    return min(max(to_cents(least), low), high), min(max(to_cents(greatest), low), high)


def _attainable_points(rule: Rule) -> Bounds:
    """The least and the most points one rule can give, after its own cap. Any rule may also give none."""
    most = _most_weight(rule)
    points = clipped(rule, to_cents(rule.points * most)) if rule.points and most else 0.0
    return min(points, 0.0), max(points, 0.0)


def _most_weight(rule: Rule) -> float:
    """The most times over that a rule can give its points: the greatest sum of its hits, weighted by age."""
    if rule.signal is None:
        return 1
    if rule.at_least is not None:
        return 1 if rule.at_least <= most_hits(rule) else 0
    if rule.per_day is None or rule.per_day > UNCOUNTED:
        return math.inf
    days = rule.expires_after_days or rule.fades_over_days
    if days is not None:
        weight = weight_of(rule)
        return math.fsum([rule.per_day * weight(age) for age in range(days)])
    if rule.half_life_days is not None:  # a geometric series: 1 + q + q² + … = 1 / (1 − q) with q = 2^(−1/h)
        return rule.per_day / -math.expm1(-math.log(2) / rule.half_life_days) * (1 + ROUNDING)
    return math.inf


def most_hits(rule: Rule) -> float:
    """The most hits that a frequency rule can count within its `within_days`."""
    return math.inf if rule.per_day is None or rule.within_days is None else rule.per_day * rule.within_days


def clipped(rule: Rule, points: float) -> float:
    return max(-rule.cap, min(points, rule.cap))


# --- Conditions -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about a lead: its scores' bounds, answers to conditions (by their text), and hits it must have."""

    scores: Mapping[str, Bounds]
    answers: Mapping[str, bool] = field(default_factory=dict)
    hits: Sequence[Leaf] = ()


def suppose(scores: Mapping[str, Bounds], conditions: Iterable[Condition]) -> Known:
    """What is known about a lead that meets these conditions and whose scores are within these bounds."""
    parts = [part for condition in conditions for part in _certain_parts(condition)]
    held = [part for part, holds in parts if holds and isinstance(part, Leaf)]
    narrowed = dict(scores)
    for leaf in held:
        if leaf.score is not None:
            narrowed[leaf.score] = _narrowed(narrowed[leaf.score], leaf.operators)
    answers = {_text(part): holds for part, holds in parts}
    return Known(narrowed, answers, [leaf for leaf in held if leaf.signal is not None])


def _certain_parts(condition: Condition) -> Iterator[tuple[Condition, bool]]:
    """A condition that holds, and each part of it that must then hold (True) or fail (False)."""
    yield condition, True
    if isinstance(condition, Combination):
        for child in condition.all or ():
            yield from _certain_parts(child)
        for child in condition.none or ():
            yield child, False


def _narrowed(bounds: Bounds, operators: Mapping[str, Any]) -> Bounds:
    least, greatest = bounds
    for name, operand in operators.items():
        operands = operand if isinstance(operand, list) else [operand]
        if name in {"gt", "gte", "eq", "in"}:
            least = max(least, min(operands))
        if name in {"lt", "lte", "eq", "in"}:
            greatest = min(greatest, max(operands))
    return least, greatest


def answer(condition: Condition, known: Known) -> Answer:
    """True if every such lead meets the condition, False if none does, None if that can't be told."""
    known_answer = known.answers.get(_text(condition)) if known.answers else None
    if known_answer is not None:
        return known_answer
    if isinstance(condition, Combination):
        parts = [answer(child, known) for child in condition.all or ()]
        parts += [negation(answer(child, known)) for child in condition.none or ()]
        if condition.any:
            parts.append(any_of([answer(child, known) for child in condition.any]))
        return all_of(parts)
    if condition.score is not None:
        return bounds_test(condition.operators)(known.scores[condition.score])
    return True if any(_requires_no_more(condition, leaf) for leaf in known.hits) else None


def _requires_no_more(leaf: Leaf, than: Leaf) -> bool:
    """Whether a lead with the hits that `than` requires always has those that `leaf` requires."""
    days, enough = leaf.within_days or math.inf, leaf.at_least or 1
    return leaf.signal == than.signal and enough <= (than.at_least or 1) and days >= (than.within_days or math.inf)


def can_hold(condition: Condition, scores: Mapping[str, Bounds]) -> bool:
    """False only if no lead with scores within these bounds can meet the condition."""
    contradicts = any(least > greatest for least, greatest in suppose(scores, [condition]).scores.values())
    return not contradicts and answer(condition, Known(scores)) is not False


def implies(one: Condition, other: Condition, scores: Mapping[str, Bounds]) -> bool:
    """True only if every lead or event that meets one condition also meets the other."""
    cases = one.any if isinstance(one, Combination) and one.any else [one]
    return all(answer(other, suppose(scores, [one, case])) is True for case in cases)


def _text(condition: Condition) -> str:
    # Documents are not compared with `==`: Python takes True for 1, a condition does not.
    return repr(condition.model_dump(exclude_none=True))
