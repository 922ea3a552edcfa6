"""What a correction by hand does to a lead."""

from typing import Self
from uuid import UUID

from pydantic import BaseModel

from app.services.evaluation import EvaluatedLead, Lead


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
