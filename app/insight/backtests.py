"""Does the score predict? Leads are scored as of snapshots in the past, then it is counted who had the outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import numpy as np

from app.insight.arrays import Floats
from app.insight.evaluations import evaluations
from app.insight.funnel import LOST, Ladder
from app.insight.histories import History, was_imported
from app.insight.leaks import closed_by
from app.insight.log import read_log
from app.insight.measures import Difference, Interval, auc_difference, auc_interval
from app.insight.outcomes import require_outcomes, require_past_horizon
from app.insight.questions import Question
from app.insight.rates import Counted, Reached, Tenth, counted, rate, reached, tenths
from app.insight.snapshots import Snapshots, lead_days, take_snapshots
from app.insight.threads import one_thread
from app.scoring.engine import CompiledModel, Line, ledger
from app.scoring.events import event_name_key
from app.scoring.stages import stage_of

MIN_OUTCOMES = 30
MAX_LISTED = 100
"""So many leads are listed as unseen, or as ready without the outcome."""


@dataclass(frozen=True, slots=True)
class ScoredSnapshots:
    """Snapshots with one score of a model, and the stage and band that each lead had.

    `ladder` has the model's stages without the lost ones, the lowest first; `ready` are for sales.
    """

    snapshots: Snapshots
    lead_ids: Sequence[str]
    scores: Floats
    stages: Sequence[str]
    bands: Sequence[str | None]
    ladder: Sequence[str]
    ready: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A lead at a snapshot. `reasons` are the lines of the ledger that add up to the score."""

    lead_id: str
    day: date
    score: float
    stage: str
    reasons: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class Backtest:
    """`thresholds` are by whole score, `stages` and `bands` by name.

    `unseen` had the outcome though their score was below the median, `ready_without` were ready for sales and didn't
    have it. `compared` is the AUC of this model less that of the other. `as_known` is False if history was imported,
    which counts from when it happened although nobody could have known it then.
    """

    as_known: bool

    counted: Counted
    auc: Interval
    thresholds: Mapping[int, Reached]
    stages: Mapping[str, Reached]
    tenths: Sequence[Tenth]
    bands: Mapping[str | None, Interval]
    unseen: Sequence[Sighting]
    ready_without: Sequence[Sighting]
    compared: Difference | None


def backtest(
    histories: Sequence[History], question: Question, model: CompiledModel, other: CompiledModel | None = None
) -> dict[str, Backtest]:
    """How well each score of a model predicts the outcome, by name.

    The `other` model's score of the same name is compared, or else its first.

    Raises `HorizonNotOver` and `TooFewOutcomes`. A stage is the one that a lead would enter: `keep` has no effect.
    """
    snapshots = open_snapshots(histories, question)
    require_outcomes(snapshots, question.outcome, MIN_OUTCOMES)
    as_known = not was_imported(histories)
    scored = score_snapshots(histories, snapshots, model, as_known=as_known)
    rivals = score_snapshots(histories, snapshots, other, as_known=as_known) if other else {}
    with one_thread():
        found = {name: report(each, _rival(rivals, name), as_known=as_known) for name, each in scored.items()}
    explain = partial(_explained, histories=histories, model=model, as_known=as_known)
    return {
        name: replace(
            each, unseen=explain(each.unseen, score=name), ready_without=explain(each.ready_without, score=name)
        )
        for name, each in found.items()
    }


def _rival(rivals: Mapping[str, ScoredSnapshots], score: str) -> Floats | None:
    return rivals.get(score, next(iter(rivals.values()))).scores if rivals else None


def open_snapshots(histories: Sequence[History], question: Question) -> Snapshots:
    leads = lead_days(histories)
    require_past_horizon(leads, question.schedule, question.within_days, question.now)
    closing = [event_name_key(name) for name in sorted(question.closed_by)]
    leads = closed_by(leads, read_log(histories), closing)
    return take_snapshots(leads, question.schedule, question.within_days, question.now)


def score_snapshots(
    histories: Sequence[History], snapshots: Snapshots, model: CompiledModel, *, as_known: bool
) -> dict[str, ScoredSnapshots]:
    """The snapshots with each of the model's scores, by name."""
    evaluated = [
        (each.values, stage_of(each, None)) for each in evaluations(model, histories, snapshots, as_known=as_known)
    ]
    stages = [stage for _, stage in evaluated]
    lead_ids = [histories[lead].lead_id for lead in snapshots.leads.tolist()]
    ladder = [stage.name for stage in Ladder.of(model.document.stages).stages]
    ready = frozenset(stage.name for stage in model.stages if stage.sales_ready)
    found = {}
    for name, score in model.scores.items():
        scores = np.array([values[name] for values, _ in evaluated], dtype=np.float64)
        bands = [score.band(value) for value in scores.tolist()]
        found[name] = ScoredSnapshots(snapshots, lead_ids, scores, stages, bands, ladder, ready)
    return found


def report(scored: ScoredSnapshots, other: Floats | None = None, *, as_known: bool = True) -> Backtest:
    """The report on rows that have been scored. `other` has another model's score for each of them."""
    rows, scores = scored.snapshots, scored.scores
    had_outcome = rows.had_outcome
    return Backtest(
        as_known=as_known,
        counted=counted(rows),
        auc=auc_interval(scores, had_outcome, rows.leads),
        thresholds={int(each): reached(scores >= each, had_outcome) for each in np.unique(np.floor(scores))},
        stages=_stages(scored),
        tenths=tenths(scores, had_outcome),
        bands=_bands(scored),
        unseen=_unseen(scored),
        ready_without=_ready_without(scored),
        compared=None if other is None else auc_difference(scores, other, had_outcome, rows.leads),
    )


def _stages(scored: ScoredSnapshots) -> dict[str, Reached]:
    """Leads in a lost stage have reached none of these."""
    rungs = {stage: rung for rung, stage in enumerate(scored.ladder)}
    places = np.array([rungs.get(stage, LOST) for stage in scored.stages])
    return {stage: reached(places >= rung, scored.snapshots.had_outcome) for stage, rung in rungs.items()}


def _bands(scored: ScoredSnapshots) -> dict[str | None, Interval]:
    """The share with the outcome in each band, from the lowest scores up."""
    lowest: dict[str | None, float] = {}
    for band, score in zip(scored.bands, scored.scores.tolist(), strict=True):
        lowest[band] = min(score, lowest.get(band, score))
    in_band = {
        band: np.array([each == band for each in scored.bands]) for band in sorted(lowest, key=lowest.__getitem__)
    }
    return {band: rate(scored.snapshots.had_outcome[rows]) for band, rows in in_band.items()}


def _unseen(scored: ScoredSnapshots) -> list[Sighting]:
    """The lowest scores first."""
    low = scored.snapshots.had_outcome & (scored.scores < np.median(scored.scores))
    return _sightings(scored, sorted(np.flatnonzero(low).tolist(), key=scored.scores.__getitem__))


def _ready_without(scored: ScoredSnapshots) -> list[Sighting]:
    """The highest scores first."""
    ready = [stage in scored.ready for stage in scored.stages]
    rows = np.flatnonzero(np.array(ready) & ~scored.snapshots.had_outcome).tolist()
    return _sightings(scored, sorted(rows, key=lambda row: -scored.scores[row]))


def _sightings(scored: ScoredSnapshots, rows: Sequence[int]) -> list[Sighting]:
    """Each lead once, at the first of these rows."""
    found: dict[str, Sighting] = {}
    for row in rows:
        day = date.fromordinal(int(scored.snapshots.days[row]))
        seen = Sighting(scored.lead_ids[row], day, float(scored.scores[row]), scored.stages[row])
        found.setdefault(seen.lead_id, seen)
        if len(found) == MAX_LISTED:
            break
    return list(found.values())


def _explained(
    found: Sequence[Sighting], *, histories: Sequence[History], model: CompiledModel, score: str, as_known: bool
) -> list[Sighting]:
    """With the reasons for the score. Each lead is there once."""
    indices = {history.lead_id: index for index, history in enumerate(histories)}
    ordered = sorted(found, key=lambda each: indices[each.lead_id])
    leads = np.array([indices[each.lead_id] for each in ordered], dtype=np.int64)
    days = np.array([each.day.toordinal() for each in ordered], dtype=np.int64)
    rows = Snapshots(leads, days, np.zeros(len(ordered), dtype=np.bool_))
    evaluated = evaluations(model, histories, rows, as_known=as_known)
    reasons = {each.lead_id: ledger(evaluation, score) for each, evaluation in zip(ordered, evaluated, strict=True)}
    return [replace(each, reasons=reasons[each.lead_id]) for each in found]
