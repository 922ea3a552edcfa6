"""Points proposed from outcomes: a scoring model that a person can read, and an honest report on how well it predicts.

The steps, each in a module of its own: rows (`snapshots`) without leaks (`leaks`), candidates (`candidates`), the path
(`path`), whole points (`points`), the number of rules (`scorecards`), probabilities (`calibration`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.errors import NoBetterThanChance
from app.insight.accuracy import Accuracy, measure_others, newest_auc
from app.insight.arrays import Flags, Floats
from app.insight.calibration import Calibration, calibrate, cross_calibrated
from app.insight.candidates import Study
from app.insight.cautions import cautions
from app.insight.document import describe, model_document, named_rules
from app.insight.histories import History
from app.insight.measures import Interval, auc_interval, log_loss_of
from app.insight.outcomes import require_outcomes
from app.insight.points import Scorecard
from app.insight.questions import Question, Wishes
from app.insight.rates import counted, tenths
from app.insight.report import Proposal, Size, rule_reports
from app.insight.scorecards import HeldOut, best_size, cross_validate, fit_scorecards, fold_of
from app.insight.stability import spreads
from app.insight.studies import prepare
from app.insight.threads import one_thread
from app.insight.thresholds import ScoredRows, missed_goal, propose_thresholds

MIN_LEADS = 100
"""A proposal needs so many leads with the outcome, and so many without."""

NO_WISHES = Wishes()


@dataclass(frozen=True, slots=True)
class Choice:
    """The scorecard fitted to all rows, and the held-out log-odds for its permitted number of rules."""

    card: Scorecard
    strength: float
    size: int
    held_out: Floats
    auc: Interval
    calibration: Calibration


def propose(histories: Sequence[History], question: Question, wishes: Wishes = NO_WISHES) -> Proposal:
    """Raises `HorizonNotOver`, `TooFewOutcomes` or `NoBetterThanChance` if there is nothing to propose."""
    with one_thread():
        return _propose(histories, question, wishes)


def _propose(histories: Sequence[History], question: Question, wishes: Wishes) -> Proposal:
    study, excluded = prepare(histories, question, wishes)
    require_outcomes(study.snapshots, question.outcome, MIN_LEADS)
    held_out = cross_validate(study, wishes.sizes, fold_of(study))
    choice = _choose(study, question, held_out)
    scored = _scored_rows(study, choice)
    thresholds = propose_thresholds(scored, wishes.goal)
    rows, had_outcome = study.snapshots, _had(study)
    probabilities = cross_calibrated(choice.held_out, had_outcome, held_out.folds)
    accuracy = _accuracy(study, question, choice, probabilities)
    rules = named_rules(choice.card.rules)
    chances = choice.calibration.by_score(scored.scores)
    about = describe(question, accuracy, rows, chances)
    return Proposal(
        document=model_document(question, rules, study, thresholds, about),
        counted=counted(rows),
        accuracy=accuracy,
        others=measure_others(study, held_out.folds, histories, wishes.active),
        sizes=[Size(size, auc) for size, auc in held_out.aucs(had_outcome).items()],
        tenths=tenths(probabilities, had_outcome),
        thresholds=thresholds,
        rules=rule_reports(rules, spreads(list(rules.values()), study, choice.strength), study),
        scores=scored.scores,
        probabilities=chances,
        excluded=excluded,
        warnings=[
            *cautions(histories, study, choice.card, accuracy),
            *missed_goal(scored, wishes.goal, thresholds[1].score),
        ],
    )


def _choose(study: Study, question: Question, held_out: HeldOut) -> Choice:
    """Step 5 and 6. Raises `NoBetterThanChance`."""
    had_outcome = _had(study)
    size = best_size(held_out.aucs(had_outcome))
    odds = held_out.log_odds[size]
    interval = auc_interval(odds, had_outcome, study.snapshots.leads, held_out.folds)
    fitted = fit_scorecards(study, np.ones(len(study), dtype=np.bool_), [size])
    if interval.low <= 0.5 or size not in fitted:  # noqa: PLR2004 -- the AUC of chance
        raise NoBetterThanChance(
            f"Nothing predicts {question.outcome} within {question.within_days} days: the held-out AUC is "
            f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f}), and 0.50 is chance. Send more kinds of "
            "events and traits, or choose another outcome.",
            auc=interval.value,
        )
    card, strength = fitted[size]
    return Choice(card, strength, size, odds, interval, calibrate(card, odds, had_outcome))


def _scored_rows(study: Study, choice: Choice) -> ScoredRows:
    """The held-out predictions on the scale of the scorecard's own scores, to which the thresholds apply."""
    held_out = (choice.held_out - choice.card.intercept) / choice.card.slope
    return ScoredRows(study.snapshots, choice.card.scores(study), held_out)


def _accuracy(study: Study, question: Question, choice: Choice, probabilities: Floats) -> Accuracy:
    return Accuracy(
        choice.auc, log_loss_of(probabilities, _had(study)), newest_auc(study, choice.size, question.within_days)
    )


def _had(study: Study) -> Flags:
    return study.snapshots.had_outcome
