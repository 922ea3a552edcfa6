"""Step 4, the points: a step of the path as whole-number rules. 10 points double the odds."""

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import LinAlgWarning
from sklearn.linear_model import LogisticRegression

from app.insight.arrays import Flags, Floats
from app.insight.candidates import Candidate, PerHit, Pool, Study, TraitIn
from app.insight.path import Step, fit, scale
from app.insight.signals import SignalCatalog

DOUBLES_THE_ODDS = 10
PER_LOG_ODDS = DOUBLES_THE_ODDS / math.log(2)
MAX_POINTS = 100


@dataclass(frozen=True, slots=True)
class PointRule:
    candidate: Candidate
    points: int


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Rules with whole points. The odds of the outcome at score s are e^(intercept + slope × s)."""

    rules: tuple[PointRule, ...]
    intercept: float
    slope: float

    def scores(self, study: Study) -> Floats:
        """The score at every snapshot: what the engine gives for the document made from these rules."""
        return total(self.rules, study)

    def log_odds(self, scores: Floats) -> Floats:
        return self.intercept + self.slope * scores


def total(rules: Iterable[PointRule], study: Study) -> Floats:
    scores = np.zeros(len(study))
    for rule in rules:
        scores += rule.candidate.column(study).astype(np.float64) * rule.points
    return scores


def whole_points(step: Step, pool: Pool, catalog: SignalCatalog, had_outcome: Flags) -> list[PointRule]:
    """The step's rules in whole points, without those that have none."""
    chosen, coefficients = _without_double_counts(step, pool, catalog, had_outcome)
    linear = np.column_stack(chosen.columns) @ coefficients if chosen.candidates else np.zeros(1)
    if linear.std() == 0:
        return []
    _, slope = calibration(linear, had_outcome)
    points = np.clip(np.round(coefficients * slope * PER_LOG_ODDS), -MAX_POINTS, MAX_POINTS).astype(int).tolist()
    rules = [PointRule(each, whole) for each, whole in zip(chosen.candidates, points, strict=True) if whole]
    return merged_levels(rules)


def calibrated(rules: Sequence[PointRule], study: Study, training: Flags) -> Scorecard | None:
    """A scorecard with the odds that the training rows show; None if all of these have the same score."""
    scores = total(rules, study)[training]
    if scores.std() == 0:
        return None
    return Scorecard(tuple(rules), *calibration(scores, study.snapshots.had_outcome[training]))


def calibration(scores: Floats, had_outcome: Flags, row_weights: Floats | None = None) -> tuple[float, float]:
    """Intercept and slope of the log-odds, by logistic regression without a penalty."""
    model = LogisticRegression(C=np.inf, solver="newton-cholesky")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LinAlgWarning)  # scores that almost separate: it goes on with another solver
        model.fit(scores[:, np.newaxis], had_outcome, row_weights)
    return float(model.intercept_[0]), float(model.coef_[0, 0])


def _without_double_counts(step: Step, pool: Pool, catalog: SignalCatalog, had_outcome: Flags) -> tuple[Pool, Floats]:
    """The candidates in use, with their coefficients. If any are dropped, the others are fitted again without them.

    Of the rules that give points for each hit of one event, only the weightiest is kept.
    """
    used = np.flatnonzero(step.coefficients).tolist()
    weightiest: dict[str, int] = {}
    for each in sorted(used, key=lambda each: -_weight(step, pool, each)):
        candidate = pool.candidates[each]
        if isinstance(candidate, PerHit):
            keys = catalog.event_keys(candidate.signal)
            if weightiest.keys().isdisjoint(keys):
                weightiest |= dict.fromkeys(keys, each)
    counted = set(weightiest.values())
    kept = [each for each in used if each in counted or not isinstance(pool.candidates[each], PerHit)]
    if len(kept) == len(used):
        return pool.of(kept), step.coefficients[kept]
    scaled, scales = scale(pool.of(kept))
    return pool.of(kept), fit(scaled, had_outcome, step.strength) * scales


def _weight(step: Step, pool: Pool, index: int) -> float:
    return abs(float(step.coefficients[index])) * float(pool.columns[index].std())


def merged_levels(rules: Iterable[PointRule]) -> list[PointRule]:
    """The rules, but levels of one trait that have equal points are in a single rule."""
    merged: dict[Any, PointRule] = {}
    for position, rule in enumerate(rules):
        candidate = rule.candidate
        if isinstance(candidate, TraitIn):
            earlier = merged.get((candidate.trait, rule.points))
            levels = earlier.candidate.levels if earlier and isinstance(earlier.candidate, TraitIn) else ()
            joined = TraitIn(candidate.trait, (*levels, *candidate.levels))
            merged[candidate.trait, rule.points] = PointRule(joined, rule.points)
        else:
            merged[position] = rule
    return list(merged.values())
