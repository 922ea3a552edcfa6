"""The shapes in which scoring models, what differs between them, and what one would change are told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel

from app.documents.leads import LedgerLine, ScoreValue
from app.documents.pages import Page
from app.scoring.diff import Difference, Kind, Noun
from app.scoring.engine import Line
from app.scoring.examples import ExampleResult
from app.scoring.lint import Code, LintWarning
from app.scoring.preview import Distribution, Mover, Placement
from app.services.model_checks import ModelReport
from app.services.models import State, Version
from app.services.previews import Previewed


class VersionDocument(BaseModel):
    """`published_at` is the last time, null of a draft."""

    version: int
    name: str
    state: State
    note: str | None
    created_at: datetime
    published_at: datetime | None

    @classmethod
    def of(cls, version: Version, **more: Any) -> Self:
        return cls(
            version=version.number,
            name=version.document["name"],
            state=version.state,
            note=version.note,
            created_at=version.created_at,
            published_at=version.published_at,
            **more,
        )


class VersionPage(Page[VersionDocument]):
    pass


class WarningDocument(BaseModel):
    code: Code
    path: str
    message: str

    @classmethod
    def of(cls, warning: LintWarning) -> Self:
        return cls.model_validate(warning, from_attributes=True)


class ExampleDocument(BaseModel):
    """`failures` says what came out otherwise than expected, nothing if the example holds."""

    name: str
    holds: bool
    failures: list[str]

    @classmethod
    def of(cls, result: ExampleResult) -> Self:
        return cls(name=result.name, holds=not result.failures, failures=[*result.failures])


class ModelDocument(VersionDocument):
    """A version with all that is known of it."""

    warnings: list[WarningDocument]
    examples: list[ExampleDocument]
    document: dict[str, Any]

    @classmethod
    def of_checked(cls, version: Version, report: ModelReport) -> Self:
        return cls.of(
            version,
            warnings=list(map(WarningDocument.of, report.warnings)),
            examples=list(map(ExampleDocument.of, report.examples)),
            document=version.document,
        )


class DifferenceDocument(BaseModel):
    """`recounts`: the event log is read again for this signal."""

    kind: Kind
    noun: Noun
    path: str
    summary: str
    before: Any
    after: Any
    recounts: bool

    @classmethod
    def of(cls, difference: Difference) -> Self:
        return cls.model_validate(difference, from_attributes=True)


class DiffDocument(BaseModel):
    """What is different in version `after` from version `before`."""

    before: int
    after: int
    differences: list[DifferenceDocument]


class DistributionDocument(BaseModel):
    """`quantiles` by name, from `min` to `max`: empty where there is no lead. `bands` counts leads."""

    mean: float
    quantiles: dict[str, float]
    bands: dict[str, int]


class StageCounts(BaseModel):
    """Leads by stage."""

    before: dict[str, int]
    after: dict[str, int]


class MoveDocument(BaseModel):
    """How many leads go from one stage to another; or stay, where both are one."""

    from_stage: str
    to_stage: str
    leads: int


class ScoreSpread(BaseModel):
    """How a score is spread over the leads; null for a model that has no such score."""

    before: DistributionDocument | None
    after: DistributionDocument | None


class PlacementDocument(BaseModel):
    stage: str
    scores: dict[str, ScoreValue]

    @classmethod
    def of(cls, placement: Placement) -> Self:
        evaluation = placement.evaluation
        return cls(stage=placement.stage, scores={name: ScoreValue.of(evaluation, name) for name in evaluation.values})


class ChangedLineDocument(BaseModel):
    """A line of a score's ledger that one model writes otherwise than the other, or not at all."""

    score: str
    before: LedgerLine | None
    after: LedgerLine | None


class MoverDocument(BaseModel):
    """`distance`: by how many points the lead's scores change, added up."""

    lead_id: UUID
    distance: float
    before: PlacementDocument
    after: PlacementDocument
    ledger_changes: list[ChangedLineDocument]

    @classmethod
    def of(cls, mover: Mover) -> Self:
        return cls(
            lead_id=mover.lead_id,
            distance=mover.distance,
            before=PlacementDocument.of(mover.before),
            after=PlacementDocument.of(mover.after),
            ledger_changes=[
                ChangedLineDocument(score=line.score, before=_line(line.before), after=_line(line.after))
                for line in mover.lines
            ],
        )


class PreviewDocument(BaseModel):
    """What publishing version `after` would change, seen on `evaluated` of all `leads`.

    `notifications` is how many leads change their stage: so many messages would go out with `notify: all`.
    """

    before: int
    after: int | None
    leads: int
    evaluated: int
    notifications: int
    stages: StageCounts
    moves: list[MoveDocument]
    scores: dict[str, ScoreSpread]
    movers: list[MoverDocument]

    @classmethod
    def of(cls, previewed: Previewed) -> Self:
        preview = previewed.preview
        stages, spreads = preview.stages, preview.distributions
        return cls(
            before=preview.before.version,
            after=preview.after.version or None,  # a document that was not posted has no number
            leads=previewed.total,
            evaluated=preview.leads,
            notifications=preview.stage_changes,
            stages=StageCounts(before=stages[0], after=stages[1]),
            moves=[
                MoveDocument(from_stage=left, to_stage=entered, leads=leads)
                for (left, entered), leads in sorted(preview.moves.items(), key=lambda item: (-item[1], item[0]))
            ],
            scores={
                name: ScoreSpread(before=_spread(spreads[0], name), after=_spread(spreads[1], name))
                for name in {**spreads[0], **spreads[1]}
            },
            movers=list(map(MoverDocument.of, preview.movers)),
        )


def _line(line: Line | None) -> LedgerLine | None:
    return None if line is None else LedgerLine.model_validate(line, from_attributes=True)


def _spread(spreads: Mapping[str, Distribution], name: str) -> DistributionDocument | None:
    return DistributionDocument.model_validate(spreads[name], from_attributes=True) if name in spreads else None
