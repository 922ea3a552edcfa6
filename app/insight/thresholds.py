"""Thresholds for the stages: the lowest score that sales has the capacity for, or that is precise enough."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from app.insight.arrays import Flags, Floats
from app.insight.measures import Interval, share_interval
from app.insight.snapshots import Snapshots

MQL_SHARE = 0.35
SQL_SHARE = 0.1
KEEP = 10
"""A lead keeps its stage down to so many points below the threshold."""
MIN_ROWS = 15


@dataclass(frozen=True, slots=True)
class Capacity:
    """At most so many new leads a week."""

    leads_a_week: float

    def __str__(self) -> str:
        return f"at most {self.leads_a_week:g} leads a week"


@dataclass(frozen=True, slots=True)
class Precision:
    """At least this share of the leads has the outcome."""

    share: float

    def __str__(self) -> str:
        return f"{self.share:.0%} with the outcome"


Goal = Capacity | Precision


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a threshold would have meant: the share of snapshots and the new leads a week at or above it.

    Precision and recall are those of held-out predictions.
    """

    stage: str
    score: int
    keep: int
    share: float
    leads_a_week: float
    precision: Interval
    recall: float


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """`scores` are the proposal's own; `held_out` are predictions made without the row's lead, on the same scale."""

    snapshots: Snapshots
    scores: Floats
    held_out: Floats

    def share(self, score: float) -> float:
        return float((self.scores >= score).mean())

    def leads_a_week(self, score: float) -> float:
        """Leads that reach the score for the first time, spread over the time that the snapshots cover."""
        return len(np.unique(self.snapshots.leads[self.scores >= score])) / self.snapshots.weeks()

    def hits(self, score: float) -> tuple[int, int]:
        """Of the rows whose held-out score reaches this, those with the outcome and all."""
        reached: Flags = self.held_out >= score
        return int(self.snapshots.had_outcome[reached].sum()), int(reached.sum())

    def precision(self, score: float) -> float:
        hits, rows = self.hits(score)
        return hits / rows if rows >= MIN_ROWS else 0.0


def propose_thresholds(rows: ScoredRows, goal: Goal | None) -> tuple[Threshold, Threshold]:
    """The thresholds of `mql` and `sql`."""
    sql = _lowest(rows, _test(rows, goal))
    mql = min(_lowest(rows, lambda score: rows.share(score) <= MQL_SHARE), sql - 1)
    return describe("mql", mql, rows), describe("sql", sql, rows)


def _test(rows: ScoredRows, goal: Goal | None) -> Callable[[float], bool]:
    if isinstance(goal, Capacity):
        return lambda score: rows.leads_a_week(score) <= goal.leads_a_week
    if isinstance(goal, Precision):
        return lambda score: rows.precision(score) >= goal.share
    return lambda score: rows.share(score) <= SQL_SHARE


def _lowest(rows: ScoredRows, is_met: Callable[[float], bool]) -> int:
    """The lowest score that meets the goal, or else the highest that any lead had."""
    reached = [int(score) for score in np.unique(rows.scores)]
    return next((score for score in reached[1:] if is_met(score)), reached[-1])


def missed_goal(rows: ScoredRows, goal: Goal | None, sql: int) -> Iterator[str]:
    """A warning if no score met the goal, so that the highest was taken."""
    if not _test(rows, goal)(sql):
        wanted = goal or f"the top {SQL_SHARE:.0%}"
        yield f"No score meets the goal ({wanted}): the threshold of sql is the highest score that a lead had."


def describe(stage: str, score: int, rows: ScoredRows) -> Threshold:
    hits, reached = rows.hits(score)
    outcomes = int(rows.snapshots.had_outcome.sum())
    recall = hits / outcomes if outcomes else 0.0
    share, weekly = rows.share(score), rows.leads_a_week(score)
    keep = max(score - KEEP, int(rows.scores.min()) + 1)  # so that not everybody keeps the stage
    return Threshold(stage, score, keep, share, weekly, share_interval(hits, reached), recall)
