"""The shapes of merges and splits by hand: what they do to the leads."""

from typing import Self
from uuid import UUID

from pydantic import BaseModel

from app.services.evaluation import EvaluatedLead
from app.services.links import Lead, Merger, Split


class LeadState(BaseModel):
    stage: str
    scores: dict[str, float]
    event_count: int

    @classmethod
    def of(cls, lead: Lead) -> Self:
        return cls(stage=lead.standing.stage, scores=dict(lead.scores), event_count=lead.facts.event_count)


class LeadEffect(BaseModel):
    """A lead before and after. `before` is null if the lead is new."""

    lead_id: UUID
    before: LeadState | None
    after: LeadState

    @classmethod
    def of(cls, result: EvaluatedLead) -> Self:
        before = LeadState.of(result.before) if result.before else None
        return cls(lead_id=result.lead.id, before=before, after=LeadState.of(result.lead))


class MergeAnswer(BaseModel):
    """The lead that remains, and the ids that refer to it from now on. With `dry_run`, nothing was stored."""

    dry_run: bool
    survivor: LeadEffect
    merged: list[UUID]

    @classmethod
    def of(cls, merger: Merger, *, dry_run: bool) -> Self:
        return cls(dry_run=dry_run, survivor=LeadEffect.of(merger.survivor), merged=list(merger.merged))


class SplitAnswer(BaseModel):
    """The lead that keeps its id, and the new one. With `dry_run`, nothing was stored, and the new id is not used.

    `former_ids`: ids of merged leads that refer to the new one from now on.
    """

    dry_run: bool
    remaining: LeadEffect
    separated: LeadEffect
    former_ids: list[UUID]

    @classmethod
    def of(cls, split: Split, *, dry_run: bool) -> Self:
        return cls(
            dry_run=dry_run,
            remaining=LeadEffect.of(split.remaining),
            separated=LeadEffect.of(split.separated),
            former_ids=list(split.separated.origin.former_ids) if split.separated.origin else [],
        )
