"""Documents for previews: what publishing a model would change."""

from collections.abc import Mapping
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from app.documents.leads import LedgerLine, ScoreValue
from app.documents.parameters import AnyModel
from app.scoring.engine import Line
from app.scoring.preview import Distribution, Mover, Placement
from app.services.previews import MAX_SAMPLE, Previewed


class PreviewRequest(BaseModel, extra="forbid"):
    """`sample`: how many random leads to evaluate instead of all."""

    sample: Annotated[StrictInt, Field(ge=1, le=MAX_SAMPLE)] | None = None


class PreviewJobRequest(PreviewRequest):
    """`model` is a version, `active`, or a whole document."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"model": 4, "sample": 10_000}]})

    model: AnyModel


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
    """The number of leads that move from one stage to another, or stay if the two are the same.

    `lead_ids` has up to 20 of them.
    """

    from_stage: str
    to_stage: str
    leads: int
    lead_ids: list[UUID]


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
                MoveDocument(from_stage=move[0], to_stage=move[1], leads=leads, lead_ids=preview.leads_by_move[move])
                for move, leads in sorted(preview.moves.items(), key=lambda item: (-item[1], item[0]))
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
