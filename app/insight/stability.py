"""How far each rule's points depend on chance: the same rules, fitted to resampled leads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.insight.arrays import Flags, Floats
from app.insight.candidates import COMPLEXITY, Pool, Study, extras
from app.insight.measures import lead_weights
from app.insight.path import fit, scale
from app.insight.points import PER_LOG_ODDS, PointRule, calibration
from app.insight.scorecards import case_control

RESAMPLES = 40


@dataclass(frozen=True, slots=True)
class Spread:
    """The points of a rule over resamples: 10 % and 90 % quantiles, and how often they have the proposed sign."""

    low: float
    high: float
    same_sign: float


def spreads(rules: Sequence[PointRule], study: Study, strength: float) -> list[Spread]:
    """One for each rule. The choice of rules is kept, so it says nothing about rules that were not chosen."""
    sample = case_control(np.ones(len(study), dtype=np.bool_), study.snapshots.had_outcome)
    rows = study.snapshots[sample]
    columns = [rule.candidate.column(study)[sample] for rule in rules]
    weights = [COMPLEXITY ** -extras(rule.candidate, study.catalog) for rule in rules]
    chosen = Pool([rule.candidate for rule in rules], columns, weights)
    drawn = np.array(
        [_points(chosen, rows.had_outcome, strength, each) for each in lead_weights(rows.leads, RESAMPLES)]
    )
    low, high = np.quantile(drawn, [0.1, 0.9], axis=0)
    same = (np.sign(drawn) == np.sign([rule.points for rule in rules])).mean(axis=0)
    return [Spread(float(a), float(b), float(c)) for a, b, c in zip(low, high, same, strict=True)]


def _points(chosen: Pool, had_outcome: Flags, strength: float, weights: Floats) -> Floats:
    scaled, scales = scale(chosen)
    coefficients = fit(scaled, had_outcome, strength, weights) * scales
    linear = np.column_stack(chosen.columns) @ coefficients
    if linear.std() == 0:
        return np.zeros(len(coefficients))
    _, slope = calibration(linear, had_outcome, weights)
    return np.asarray(np.round(coefficients * slope * PER_LOG_ODDS), dtype=np.float64)
