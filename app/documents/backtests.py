"""The document of a backtest: how well the scores of a model would have predicted an outcome."""

from datetime import date

from app.documents.leads import LedgerLine
from app.documents.measures import CountedDocument, IntervalDocument, Measured, ReachedDocument, TenthDocument


class ReasonDocument(LedgerLine, Measured):
    pass


class SightingDocument(Measured):
    """A lead on a day, with the lines of the ledger that add up to its score."""

    lead_id: str
    day: date
    score: float
    stage: str
    reasons: list[ReasonDocument]


class DifferenceDocument(Measured):
    """Two AUCs on the same leads, and their difference."""

    one: float
    other: float
    difference: IntervalDocument


class BacktestDocument(Measured):
    """`thresholds` are by whole score, `stages` by name; `bands` are the shares with the outcome, by name.

    `unseen` had the outcome although their score was below the median; `ready_without` were ready for sales and didn't
    have it. `as_known` is false if history was imported, which counts from when it happened.
    """

    as_known: bool
    counted: CountedDocument
    auc: IntervalDocument
    thresholds: dict[int, ReachedDocument]
    stages: dict[str, ReachedDocument]
    tenths: list[TenthDocument]
    bands: dict[str | None, IntervalDocument]
    unseen: list[SightingDocument]
    ready_without: list[SightingDocument]
    compared: DifferenceDocument | None
