"""What a proposal says about itself: everything a person needs to trust it or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.insight.accuracy import Accuracy, Others
from app.insight.arrays import Flags, Floats
from app.insight.candidates import Study
from app.insight.leaks import Exclusion
from app.insight.measures import Interval
from app.insight.points import PointRule
from app.insight.rates import Counted, Tenth, rate
from app.insight.stability import Spread
from app.insight.thresholds import Threshold


@dataclass(frozen=True, slots=True)
class Size:
    """One point of the size curve: the held-out AUC with at most so many rules."""

    rules: int
    auc: float


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
class Proposal:
    """A model's document, and the report on it.

    `scores` are those of the snapshots, which the engine gives as well. `probabilities` are by score, in steps of ten.
    """

    document: dict[str, Any]
    counted: Counted
    accuracy: Accuracy
    others: Others
    sizes: Sequence[Size]
    tenths: Sequence[Tenth]
    thresholds: Sequence[Threshold]
    rules: Sequence[RuleReport]
    scores: Floats
    probabilities: Mapping[int, float]
    excluded: Sequence[Exclusion]
    warnings: Sequence[str]


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
        rate_with=rate(rows.had_outcome[applies]),
        rate_without=rate(rows.had_outcome[~applies]),
    )
