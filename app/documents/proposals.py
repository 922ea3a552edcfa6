"""The document of a proposal: a model learned from outcomes, with the report on how well it predicts."""

from typing import Any, Literal

from pydantic import ConfigDict

from app.documents.measures import CountedDocument, IntervalDocument, Measured, TenthDocument
from app.documents.report_examples import PROPOSAL


class AccuracyDocument(Measured):
    """On leads that the proposal was not learned from. `newest`: on the newest 30 %, null if there are too few."""

    held_out: IntervalDocument
    log_loss: float
    newest: float | None


class OthersDocument(Measured):
    """The AUCs of other methods on the same leads, and of each score of the active model."""

    logistic_regression: float
    boosting: float
    active: dict[str, float]


class SizeDocument(Measured):
    rules: int
    auc: float


class ThresholdDocument(Measured):
    """What a stage's threshold would have meant. `keep` is the score at which a lead in the stage stays."""

    stage: str
    score: int
    keep: int
    share: float
    leads_a_week: float
    precision: IntervalDocument
    recall: float


class SpreadDocument(Measured):
    """The points over resamples: 10 % and 90 % quantiles, and how often they have the proposed sign."""

    low: float
    high: float
    same_sign: float


class RuleDocument(Measured):
    name: str
    points: int
    spread: SpreadDocument
    leads: int
    rate_with: IntervalDocument
    rate_without: IntervalDocument


class ExclusionDocument(Measured):
    """An event or a trait that no rule uses, because it would leak the outcome or was excluded."""

    kind: Literal["event", "trait"]
    name: str
    reason: str
    detail: str


class ProposalDocument(Measured):
    """`document` is the model, which can be drafted. `probabilities` of the outcome are by score, in steps of ten."""

    model_config = ConfigDict(json_schema_extra={"examples": [PROPOSAL]})

    document: dict[str, Any]
    counted: CountedDocument
    accuracy: AccuracyDocument
    others: OthersDocument
    sizes: list[SizeDocument]
    tenths: list[TenthDocument]
    thresholds: list[ThresholdDocument]
    rules: list[RuleDocument]
    probabilities: dict[int, float]
    excluded: list[ExclusionDocument]
    warnings: list[str]
