"""How well a proposal predicts rows that it has not seen, and how well others do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.insight import baselines
from app.insight.arrays import Flags, Ints
from app.insight.candidates import MIN_SUPPORT, Study
from app.insight.evaluations import evaluations
from app.insight.histories import History
from app.insight.measures import Interval, auc, mean_auc
from app.insight.scorecards import fit_scorecards
from app.scoring.engine import CompiledModel

NEWEST = 0.3


@dataclass(frozen=True, slots=True)
class Accuracy:
    """AUC and log-loss of held-out predictions, and the AUC on the newest 30 %.

    For the latter, the proposal is made from rows whose horizon was over before; None if there were too few of them.
    """

    held_out: Interval
    log_loss: float
    newest: float | None


@dataclass(frozen=True, slots=True)
class Others:
    """The AUCs of other methods on the same folds, and of each score of the active model."""

    logistic_regression: float
    boosting: float
    active: Mapping[str, float]


def newest_rows(study: Study) -> Flags:
    days = np.sort(study.snapshots.days)
    return np.asarray(study.snapshots.days >= days[int((1 - NEWEST) * len(days))])


def newest_auc(study: Study, size: int, within_days: int) -> float | None:
    """The AUC on the newest rows of the scorecard that could have been fitted by then.

    That is from rows whose horizon was over before the newest ones began. None if there were too few.
    """
    rows, newest = study.snapshots, newest_rows(study)
    older = rows.days + within_days < rows.days[newest].min()
    if rows.had_outcome[older].sum() < MIN_SUPPORT or (~rows.had_outcome[older]).sum() < MIN_SUPPORT:
        return None
    fitted = fit_scorecards(study, older, [size]).get(size)
    return auc(fitted.card.scores(study)[newest], rows.had_outcome[newest]) if fitted else None


def measure_others(study: Study, folds: Ints, histories: Sequence[History], active: CompiledModel | None) -> Others:
    return Others(
        logistic_regression=baselines.held_out_auc(baselines.logistic_regression(), study, folds),
        boosting=baselines.held_out_auc(baselines.boosting(), study, folds),
        active={} if active is None else _active_aucs(study, folds, histories, active),
    )


def _active_aucs(study: Study, folds: Ints, histories: Sequence[History], active: CompiledModel) -> dict[str, float]:
    values = [evaluation.values for evaluation in evaluations(active, histories, study.snapshots)]
    scores = {name: np.array([each[name] for each in values]) for name in active.scores}
    return {name: mean_auc(each, study.snapshots.had_outcome, folds) for name, each in scores.items()}
