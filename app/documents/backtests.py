"""The document of a backtest: how well the scores of a model would have predicted an outcome."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Self

from pydantic import BeforeValidator, ConfigDict, RootModel

from app.documents.leads import LedgerLine
from app.documents.measures import CountedDocument, IntervalDocument, Measured, ReachedDocument, TenthDocument
from app.documents.report_examples import BACKTEST


class SightingReasonDocument(LedgerLine, Measured):
    pass


class SightingDocument(Measured):
    """A lead on a day, with the lines of the ledger that add up to its score."""

    lead_id: str
    day: date
    score: float
    stage: str
    reasons: list[SightingReasonDocument]


class AucDifferenceDocument(Measured):
    """Two AUCs on the same leads, and their difference."""

    one: float
    other: float
    difference: IntervalDocument


def _named(bands: Mapping[str | None, object]) -> dict[str, object]:
    return {band or "": share for band, share in bands.items()}


class BacktestDocument(Measured):
    """`thresholds` are by whole score, `stages` by name; `bands` are the shares with the outcome, by name.

    Scores below every band are in the band `""`. `unseen` had the outcome although their score was below the median;
    `ready_without` were ready for sales and didn't have it. `as_known` is false if history was imported, which counts
    from when it happened.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [BACKTEST]})

    as_known: bool
    counted: CountedDocument
    auc: IntervalDocument
    thresholds: dict[int, ReachedDocument]
    stages: dict[str, ReachedDocument]
    tenths: list[TenthDocument]
    bands: Annotated[dict[str, IntervalDocument], BeforeValidator(_named)]
    unseen: list[SightingDocument]
    ready_without: list[SightingDocument]
    compared: AucDifferenceDocument | None


class BacktestsDocument(RootModel[dict[str, BacktestDocument]]):
    """A backtest of each score of the model, by name."""

    @classmethod
    def of(cls, found: Mapping[str, object]) -> Self:
        return cls({score: BacktestDocument.model_validate(report) for score, report in found.items()})
