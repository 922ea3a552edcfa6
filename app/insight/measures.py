"""How well numbers predict flags: AUC, intervals, log-loss. Deterministic: every resample comes from a fixed seed."""

import math
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import log_loss, roc_auc_score

from app.insight.arrays import Flags, Floats, Ints
from app.insight.proportions import wilson

RESAMPLES = 500
SEED = 20_260_101


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured value with its 95 % interval."""

    value: float
    low: float
    high: float


def auc(scores: Floats, had_outcome: Flags) -> float:
    """The chance that a row with the outcome scores higher than one without; ties count half. NaN if all are alike."""
    if had_outcome.all() or not had_outcome.any():
        return math.nan
    return float(roc_auc_score(had_outcome, scores))


def mean_auc(scores: Floats, had_outcome: Flags, folds: Ints) -> float:
    """The mean over the folds of each one's AUC, since scores of different models can't be compared."""
    each = [auc(scores[folds == fold], had_outcome[folds == fold]) for fold in np.unique(folds)]
    return _mean_of_known(np.array(each))


def _mean_of_known(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def log_loss_of(probabilities: Floats, had_outcome: Flags) -> float:
    return float(log_loss(had_outcome, probabilities, labels=[False, True]))


def share_interval(successes: int, total: int) -> Interval:
    """A proportion with Wilson's score interval; 0 to 1 without data."""
    return Interval(*wilson(successes, total)) if total else Interval(math.nan, 0.0, 1.0)


def auc_interval(scores: Floats, had_outcome: Flags, leads: Ints, folds: Ints | None = None) -> Interval:
    """The AUC with a percentile bootstrap over leads, since the snapshots of one lead resemble each other."""
    ranked = RankedRows.of(scores, had_outcome, np.zeros(len(scores), dtype=np.int64) if folds is None else folds)
    draws = [ranked.auc(weights) for weights in lead_weights(leads)]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Interval(ranked.auc(np.ones(len(scores))), float(low), float(high))


def lead_weights(leads: Ints, resamples: int = RESAMPLES) -> list[Floats]:
    """For each resample of leads with replacement, how often each row is drawn."""
    random = np.random.default_rng(SEED)
    present, owners = np.unique(leads, return_inverse=True)
    draws = (random.integers(len(present), size=len(present)) for _ in range(resamples))
    return [np.bincount(draw, minlength=len(present))[owners].astype(np.float64) for draw in draws]


@dataclass(frozen=True, slots=True)
class RankedRows:
    """Rows sorted once by fold and score, so that each resample's AUC costs only sums."""

    order: Ints
    starts: Ints
    """Where each run of rows with an equal fold and score begins."""
    folds: Ints
    """The fold of each run."""
    had_outcome: Flags

    @classmethod
    def of(cls, scores: Floats, had_outcome: Flags, folds: Ints) -> "RankedRows":
        order = np.lexsort((scores, folds))
        is_new = np.diff(scores[order], prepend=np.nan) != 0
        is_new |= np.diff(folds[order], prepend=-1) != 0
        starts = np.flatnonzero(is_new)
        return cls(order, starts, np.unique(folds[order][starts], return_inverse=True)[1], had_outcome[order])

    def auc(self, weights: Floats) -> float:
        """The mean over folds, each row counting `weights` times."""
        ordered = weights[self.order]
        positive = np.add.reduceat(ordered * self.had_outcome, self.starts)
        negative = np.add.reduceat(ordered * ~self.had_outcome, self.starts)
        folds = self.folds.max() + 1
        positives = np.bincount(self.folds, positive, folds)
        negatives = np.bincount(self.folds, negative, folds)
        before = np.cumsum(negative) - negative - (np.cumsum(negatives) - negatives)[self.folds]
        ordered_pairs = np.bincount(self.folds, positive * (before + negative / 2), folds)
        with np.errstate(invalid="ignore", divide="ignore"):
            return _mean_of_known(ordered_pairs / (positives * negatives))


@dataclass(frozen=True, slots=True)
class Difference:
    """Two AUCs on the same rows, and their difference, whose interval is of paired resamples."""

    one: float
    other: float
    difference: Interval


def auc_difference(one: Floats, other: Floats, had_outcome: Flags, leads: Ints) -> Difference:
    same_fold = np.zeros(len(one), dtype=np.int64)
    ranked = [RankedRows.of(scores, had_outcome, same_fold) for scores in (one, other)]
    draws = [ranked[0].auc(weights) - ranked[1].auc(weights) for weights in lead_weights(leads)]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    mine, theirs = (each.auc(np.ones(len(one))) for each in ranked)
    return Difference(mine, theirs, Interval(mine - theirs, float(low), float(high)))
