"""How often the outcome followed: counts, tenths and the rows at or above a threshold."""

from dataclasses import dataclass

import numpy as np

from app.insight.arrays import Flags, Floats
from app.insight.measures import Interval, share_interval
from app.insight.snapshots import Snapshots

TENTHS = 10


@dataclass(frozen=True, slots=True)
class Counted:
    """What was measured. `base_rate` is the share of snapshots with the outcome."""

    leads: int
    leads_with_outcome: int
    snapshots: int
    base_rate: float


@dataclass(frozen=True, slots=True)
class Tenth:
    """A tenth of the snapshots: the mean of what they are ordered by, and how many had the outcome.

    `lift` is that share divided by the share of all snapshots.
    """

    rows: int
    mean: float
    had: Interval
    lift: float


@dataclass(frozen=True, slots=True)
class Reached:
    """The snapshots at or above a threshold: their share, and of these the share with the outcome (precision).

    `recall` is the share of all outcomes that they have.
    """

    rows: int
    share: float
    precision: Interval
    recall: float


def counted(snapshots: Snapshots) -> Counted:
    leads = len(np.unique(snapshots.leads))
    return Counted(leads, snapshots.leads_with_outcome(), len(snapshots), float(snapshots.had_outcome.mean()))


def tenths(scores: Floats, had_outcome: Flags) -> list[Tenth]:
    """From the highest scores to the lowest. Ties are split as they come, so that the tenths are equally large."""
    base = float(had_outcome.mean())
    parts = np.array_split(np.argsort(-scores, kind="stable"), TENTHS)
    return [_tenth(scores[part], had_outcome[part], base) for part in parts if len(part)]


def _tenth(scores: Floats, had_outcome: Flags, base: float) -> Tenth:
    had = rate(had_outcome)
    return Tenth(len(had_outcome), float(scores.mean()), had, had.value / base)


def rate(had_outcome: Flags) -> Interval:
    """The share of these rows that had the outcome."""
    return share_interval(int(had_outcome.sum()), len(had_outcome))


def reached(rows: Flags, had_outcome: Flags) -> Reached:
    precision, outcomes = rate(had_outcome[rows]), int(had_outcome.sum())
    recall = int(had_outcome[rows].sum()) / outcomes
    return Reached(int(rows.sum()), float(rows.mean()), precision, recall)
