"""Step 3, the path: logistic regressions with an L1 penalty, from one that allows few rules to one that allows many."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from app.insight.arrays import Flags, Floats
from app.insight.candidates import Pool

STRENGTHS = 40
WEAKEST = 300.0
"""The last penalty is this many times weaker than the first that lets a candidate in."""
INTERCEPT_SCALING = 10.0


class Step(NamedTuple):
    """One point of the path: a coefficient for each candidate, in log-odds for a flag or a hit."""

    strength: float
    coefficients: Floats


def path(pool: Pool, had_outcome: Flags) -> Iterator[Step]:
    """The steps from the strongest penalty to the weakest; computed as they are asked for."""
    if not pool.candidates:
        return
    scaled, scales = scale(pool)
    first = 1 / np.abs(scaled.T @ (had_outcome - had_outcome.mean())).max()  # where all coefficients are still 0
    for strength in np.geomspace(first, first * WEAKEST, STRENGTHS).tolist():
        yield Step(strength, fit(scaled, had_outcome, strength) * scales)


def scale(pool: Pool) -> tuple[Floats, Floats]:
    """The columns centred, with a standard deviation of each one's weight, and the factors that were applied."""
    columns = np.column_stack(pool.columns).astype(np.float64)
    scales = np.array(pool.weights) / columns.std(axis=0)
    return (columns - columns.mean(axis=0)) * scales, scales


def fit(scaled: Floats, had_outcome: Flags, strength: float, row_weights: Floats | None = None) -> Floats:
    """The coefficients at one strength of the penalty, which scikit-learn calls C."""
    model = LogisticRegression(
        C=strength,
        l1_ratio=1,
        solver="liblinear",
        intercept_scaling=INTERCEPT_SCALING,
        tol=1e-3,
        max_iter=1000,
        random_state=0,
    )
    return np.asarray(model.fit(scaled, had_outcome, row_weights).coef_[0], dtype=np.float64)
