"""Documents for scoring models: versions, comparisons and previews."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel

from app.documents.leads import LedgerLine, ScoreValue
from app.documents.model_checks import DifferenceDocument, ExampleDocument, WarningDocument
from app.documents.pages import Page
from app.scoring.engine import Line
from app.scoring.preview import Distribution, Mover, Placement
from app.services.model_checks import ModelReport
from app.services.models import State, Version
from app.services.previews import Previewed


class VersionDocument(BaseModel):
    """`published_at`: when the version was last published, null for a draft.

    `created_by` and `published_by` are names of keys; null if the command line or leadscore itself did it.
    """

    version: int
    name: str
    state: State
    note: str | None
    created_at: datetime
    created_by: str | None
    published_at: datetime | None
    published_by: str | None

    @classmethod
    def of(cls, version: Version, **more: Any) -> Self:
        return cls(
            version=version.number,
            name=version.document["name"],
            state=version.state,
            note=version.note,
            created_at=version.created_at,
            created_by=version.created_by,
            published_at=version.published_at,
            published_by=version.published_by,
            **more,
        )


class VersionPage(Page[VersionDocument]):
    pass


class ModelDocument(VersionDocument):
    """A version with its document, warnings and example results."""

    warnings: list[WarningDocument]
    examples: list[ExampleDocument]
    document: dict[str, Any]

    @classmethod
    def of_checked(cls, version: Version, report: ModelReport) -> Self:
        return cls.of(
            version,
            warnings=WarningDocument.list_of(report),
            examples=list(map(ExampleDocument.of, report.examples)),
            document=version.document,
        )


class DiffDocument(BaseModel):
    """The differences between version `before` and version `after`."""

    before: int
    after: int
    differences: list[DifferenceDocument]


class DistributionDocument(BaseModel):
    """`quantiles` by name, from `min` to `max`; empty if there are no leads. `bands`: the number of leads in each."""

    mean: float
    quantiles: dict[str, float]
    bands: dict[str, int]


class StageCounts(BaseModel):
    """The number of leads by stage."""

    before: dict[str, int]
    after: dict[str, int]


class MoveDocument(BaseModel):
    """The number of leads that move from one stage to another, or stay if the two are the same."""

    from_stage: str
    to_stage: str
    leads: int


class ScoreSpread(BaseModel):
    """The distribution of a score over the leads; null for a model without this score."""

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
    """A ledger line that differs between the two models; null for a model that doesn't have it."""

    score: str
    before: LedgerLine | None
    after: LedgerLine | None


class MoverDocument(BaseModel):
    """`distance`: the sum of the changes of all of the lead's scores, in points."""

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
    """What publishing version `after` would change, based on `evaluated` out of `leads` leads.

    `notifications`: how many leads change their stage, and so how many messages `notify: all` would send.
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
            after=preview.after.version or None,  # a candidate that is not stored has no version number
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
