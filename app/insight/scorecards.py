"""Steps 3 to 5 on any set of training rows: one scorecard for each permitted number of rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from app.insight.arrays import Flags, Floats, Ints
from app.insight.candidates import Study, pool
from app.insight.measures import SEED, mean_auc
from app.insight.path import path
from app.insight.points import PointRule, Scorecard, calibrated, whole_points

SIZES = (8, 10, 12, 15, 20, 25, 30)
MAX_ROWS = 6_000
"""A fit takes at most so many rows."""
GOOD_ENOUGH = 0.002
FOLDS, FEW_FOLDS, MANY_ROWS = 10, 5, 2_000
"""With many rows, five folds measure as well as ten and take half the time."""
PATIENCE = 3
"""The path ends after this many steps in a row with too many rules."""


class Fitted(NamedTuple):
    """A scorecard, and the strength of the penalty that gave it."""

    card: Scorecard
    strength: float


def fit_scorecards(study: Study, training: Flags, sizes: Sequence[int]) -> dict[int, Fitted]:
    """For each size, the last step of the path that has no more rules. Sizes are absent if nothing predicts."""
    found = {}
    for size, (rules, strength) in _last_fitting(study, training, sizes).items():
        card = calibrated(rules, study, training)
        if card is not None:
            found[size] = Fitted(card, strength)
    return found


def _last_fitting(study: Study, training: Flags, sizes: Sequence[int]) -> dict[int, tuple[list[PointRule], float]]:
    sample = case_control(training, study.snapshots.had_outcome)
    candidates, had_outcome = pool(study, sample), study.snapshots.had_outcome[sample]
    found: dict[int, tuple[list[PointRule], float]] = {}
    too_many = 0
    for step in path(candidates, had_outcome):
        rules = whole_points(step, candidates, study.catalog, had_outcome)
        found |= {size: (rules, step.strength) for size in sizes if 0 < len(rules) <= size}
        too_many = too_many + 1 if len(rules) > max(sizes) else 0
        if too_many == PATIENCE:
            break
    return found


def case_control(training: Flags, had_outcome: Flags) -> Flags:
    """At most `MAX_ROWS` of the training rows, evenly spaced, and of the rarer outcome as many as possible.

    Leaving out rows of one outcome changes the intercept of a logistic regression, but not what its rules are worth.
    """
    kept = np.zeros(len(training), dtype=np.bool_)
    rows = sorted((np.flatnonzero(training & (had_outcome == outcome)) for outcome in (True, False)), key=len)
    room = MAX_ROWS
    for share, each in zip((2, 1), rows, strict=True):
        picked = each[np.linspace(0, len(each) - 1, min(len(each), room // share)).astype(np.int64)]
        kept[picked], room = True, room - len(picked)
    return kept


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Predictions for rows by scorecards that were fitted without their leads."""

    folds: Ints
    log_odds: dict[int, Floats]
    """By permitted number of rules."""

    def aucs(self, had_outcome: Flags) -> dict[int, float]:
        return {size: mean_auc(odds, had_outcome, self.folds) for size, odds in self.log_odds.items()}


def fold_of(study: Study) -> Ints:
    """The fold of each row. All rows of a lead are in the same one."""
    rows = study.snapshots
    count = FOLDS if len(study) < MANY_ROWS else FEW_FOLDS
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=SEED)
    folds = np.zeros(len(rows), dtype=np.int64)
    for fold, (_, test) in enumerate(splitter.split(rows.days, rows.had_outcome, rows.leads)):
        folds[test] = fold
    return folds


def cross_validate(study: Study, sizes: Sequence[int], folds: Ints) -> HeldOut:
    held_out = HeldOut(folds, {size: np.zeros(len(study)) for size in sizes})
    for fold in np.unique(folds):
        for size, (card, _) in fit_scorecards(study, folds != fold, sizes).items():
            held_out.log_odds[size][folds == fold] = card.log_odds(card.scores(study))[folds == fold]
    return held_out


def best_size(aucs: dict[int, float]) -> int:
    """The smallest size whose held-out AUC is almost the best."""
    return min(size for size, auc in aucs.items() if auc >= max(aucs.values()) - GOOD_ENOUGH)
