"""What a proposal says about itself: everything a person needs to trust it or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.insight.arrays import Flags, Floats
from app.insight.accuracy import Accuracy, Others
from app.insight.candidates import Study
from app.insight.leaks import Exclusion
from app.insight.measures import Interval, wilson
from app.insight.points import PointRule
from app.insight.snapshots import Snapshots
from app.insight.stability import Spread
from app.insight.thresholds import Threshold

TENTHS = 10


@dataclass(frozen=True, slots=True)
class Size:
    """One point of the size curve: the held-out AUC with at most so many rules."""

    rules: int
    auc: float


@dataclass(frozen=True, slots=True)
class Tenth:
    """A tenth of the snapshots, by held-out prediction: how many outcomes were expected, and how many there were."""

    rows: int
    expected: float
    had: Interval
    lift: float


@dataclass(frozen=True, slots=True)
class RuleReport:
    """A rule, its points over resamples, and the outcomes of the snapshots with and without it.

    `leads` had it at any snapshot. The rates are observed, not caused by the rule.
    """

    name: str
    points: int
    spread: Spread
    leads: int
    rate_with: Interval
    rate_without: Interval


@dataclass(frozen=True, slots=True)
class Counted:
    """What the proposal was learned from. `base_rate` is the share of snapshots with the outcome."""

    leads: int
    leads_with_outcome: int
    snapshots: int
    base_rate: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """A model's document, and the report on it. `probabilities` are by score, in steps of ten points."""

    document: dict[str, Any]
    counted: Counted
    accuracy: Accuracy
    others: Others
    sizes: Sequence[Size]
    tenths: Sequence[Tenth]
    thresholds: Sequence[Threshold]
    rules: Sequence[RuleReport]
    probabilities: Mapping[int, float]
    excluded: Sequence[Exclusion]
    warnings: Sequence[str]


def tenths(probabilities: Floats, had_outcome: Flags) -> list[Tenth]:
    """From the most to the least likely. Ties are split as they come, so that the tenths are equally large."""
    base = float(had_outcome.mean())
    parts = np.array_split(np.argsort(-probabilities, kind="stable"), TENTHS)
    return [_tenth(probabilities[part], had_outcome[part], base) for part in parts if len(part)]


def _tenth(probabilities: Floats, had_outcome: Flags, base: float) -> Tenth:
    had = wilson(int(had_outcome.sum()), len(had_outcome))
    return Tenth(len(had_outcome), float(probabilities.mean()), had, had.value / base if base else np.nan)


def counted(snapshots: Snapshots) -> Counted:
    leads = len(np.unique(snapshots.leads))
    return Counted(leads, snapshots.leads_with_outcome(), len(snapshots), float(snapshots.had_outcome.mean()))


def rule_reports(rules: Mapping[str, PointRule], found: Sequence[Spread], study: Study) -> list[RuleReport]:
    return [_rule_report(name, rule, each, study) for (name, rule), each in zip(rules.items(), found, strict=True)]


def _rule_report(name: str, rule: PointRule, spread: Spread, study: Study) -> RuleReport:
    applies: Flags = rule.candidate.column(study) > 0
    rows = study.snapshots
    return RuleReport(
        name,
        rule.points,
        spread,
        leads=len(np.unique(rows.leads[applies])),
        rate_with=wilson(int(rows.had_outcome[applies].sum()), int(applies.sum())),
        rate_without=wilson(int(rows.had_outcome[~applies].sum()), int((~applies).sum())),
    )
