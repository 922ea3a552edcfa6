"""How a backtest is drawn: precision and recall by threshold, lift by tenth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from app.documents.backtests import BacktestDocument
from app.documents.measures import ReachedDocument
from app.screen import plots

MAX_ROWS = 12
"""Thresholds in the table: as many as can be read."""


@dataclass(frozen=True, slots=True)
class BacktestLook:
    """`rows`: some of the thresholds, evenly spaced. `most_lift` is the longest bar's."""

    report: BacktestDocument
    precision: plots.Curve
    recall: plots.Curve
    first: int
    last: int
    rows: Sequence[tuple[int, ReachedDocument]]
    most_lift: float


def look_at(report: BacktestDocument) -> BacktestLook:
    thresholds = dict(sorted(report.thresholds.items()))
    first, last = min(thresholds, default=0), max(thresholds, default=1)
    return BacktestLook(
        report=report,
        precision=plots.curve(_precisions(thresholds), first, last),
        recall=plots.curve(
            [(score, each.recall, each.recall, each.recall) for score, each in thresholds.items()], first, last
        ),
        first=first,
        last=last,
        rows=_some(thresholds),
        most_lift=max((tenth.lift for tenth in report.tenths), default=1) or 1,
    )


def _precisions(thresholds: Mapping[int, ReachedDocument]) -> list[tuple[float, float, float, float]]:
    measured = ((score, each.precision) for score, each in thresholds.items())
    return [(score, each.value, each.low, each.high) for score, each in measured if each.value is not None]


def _some(thresholds: Mapping[int, ReachedDocument]) -> list[tuple[int, ReachedDocument]]:
    step = -(-len(thresholds) // MAX_ROWS) or 1
    return list(islice(thresholds.items(), 0, None, step))
