"""Steps 3 to 5 on any set of training rows: one scorecard for each permitted number of rules."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from app.insight.arrays import Flags, Floats, Ints
from app.insight.candidates import Pool, Study, pool
from app.insight.measures import SEED, mean_auc
from app.insight.path import path
from app.insight.points import Scorecard, scorecard

SIZES = (8, 10, 12, 15, 20, 25, 30)
GOOD_ENOUGH = 0.002
FOLDS, FEW_FOLDS, MANY_LEADS = 10, 5, 2_000
"""With many leads, five folds measure as well as ten and take half the time."""
PATIENCE = 3
"""The path ends after this many steps in a row with too many rules."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The scorecards of one fit, by permitted number of rules, and the strength of the penalty that gave each."""

    pool: Pool
    cards: dict[int, Scorecard]
    strengths: dict[int, float]


def fit_scorecards(study: Study, training: Flags, sizes: Sequence[int]) -> Fitted:
    """For each size, the last step of the path that has no more rules."""
    candidates = pool(study, training)
    fitted, too_many = Fitted(candidates, {}, {}), 0
    for step in path(candidates, study.snapshots.had_outcome[training]):
        card = scorecard(step, candidates, study, training)
        if card is None:
            continue
        for size in sizes:
            if len(card.rules) <= size:
                fitted.cards[size], fitted.strengths[size] = card, step.strength
        too_many = too_many + 1 if len(card.rules) > max(sizes) else 0
        if too_many == PATIENCE:
            break
    return fitted


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
    count = FOLDS if study.leads < MANY_LEADS else FEW_FOLDS
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=SEED)
    folds = np.zeros(len(rows), dtype=np.int64)
    for fold, (_, test) in enumerate(splitter.split(rows.days, rows.had_outcome, rows.leads)):
        folds[test] = fold
    return folds


def cross_validate(study: Study, sizes: Sequence[int], folds: Ints) -> HeldOut:
    held_out = HeldOut(folds, {size: np.zeros(len(study)) for size in sizes})
    for fold in np.unique(folds):
        fitted = fit_scorecards(study, folds != fold, sizes)
        for size, card in fitted.cards.items():
            held_out.log_odds[size][folds == fold] = card.log_odds(card.scores(study))[folds == fold]
    return held_out


def best_size(aucs: dict[int, float]) -> int:
    """The smallest size whose held-out AUC is almost the best."""
    return min(size for size, auc in aucs.items() if auc >= max(aucs.values()) - GOOD_ENOUGH)
