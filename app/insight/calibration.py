"""Step 6, the probability that goes with a score, from scores that were held out."""

from dataclasses import dataclass

import numpy as np

from app.insight.arrays import Flags, Floats, Ints
from app.insight.points import Scorecard, calibration

STEP = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """The odds of the outcome at score s are e^(intercept + slope × s)."""

    intercept: float
    slope: float

    def by_score(self, scores: Floats) -> dict[int, float]:
        """The probabilities of round scores within the range of these."""
        low, high = int(scores.min() // STEP * STEP), int(scores.max() // STEP * STEP)
        rounded = np.arange(low, high + 1, STEP, dtype=np.float64)
        found = probabilities(self.intercept + self.slope * rounded)
        return dict(zip(map(int, rounded), found.tolist(), strict=True))


def probabilities(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-log_odds)), dtype=np.float64)


def calibrate(card: Scorecard, held_out: Floats, had_outcome: Flags) -> Calibration:
    """Held-out log-odds are too extreme; this flattens the scorecard's own calibration as much as they need."""
    intercept, slope = calibration(held_out, had_outcome)
    return Calibration(intercept + slope * card.intercept, slope * card.slope)


def cross_calibrated(held_out: Floats, had_outcome: Flags, folds: Ints) -> Floats:
    """Each fold's probabilities, calibrated on the held-out predictions of the other folds."""
    found = np.zeros(len(held_out))
    for fold in np.unique(folds):
        test = folds == fold
        intercept, slope = calibration(held_out[~test], had_outcome[~test])
        found[test] = probabilities(intercept + slope * held_out[test])
    return found
