"""Dry runs over HTTP: messages, or a stored lead, evaluated with a model; nothing is stored."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool, model_validator

from app.api.access import CurrentRuntime, Reader
from app.api.routes import strict_router
from app.documents.leads import EvaluationDocument
from app.documents.parameters import AnyModel, Moment
from app.scoring.engine import CompiledModel
from app.services.dry_runs import dry_run
from app.services.models import compile_any

MAX_MESSAGES = 500


class DryRunRequest(BaseModel, extra="forbid"):
    """`model` is a version, `active`, or a whole document. It evaluates `messages`, or the lead with the id `lead_id`.

    All messages are treated as one person's. `trusted`: whether they are treated as sent with a secret key. A lead's
    events count as they were sent.
    """

    model: AnyModel = "active"
    messages: Annotated[list[Any] | None, Field(max_length=MAX_MESSAGES)] = None
    lead_id: UUID | None = None
    as_of: Moment | None = None
    trusted: StrictBool = True

    @model_validator(mode="after")
    def _has_one_subject(self) -> Self:
        if (self.messages is None) == (self.lead_id is None):
            raise ValueError("must have either `messages` or `lead_id`")
        if self.lead_id is not None and "trusted" in self.model_fields_set:
            raise ValueError("`trusted` goes with `messages`: a lead's events count as they were sent; leave it out")
        return self


router = strict_router("/v1/evaluate", "models", Reader)


@router.post("")
async def evaluate_messages(runtime: CurrentRuntime, wanted: DryRunRequest) -> EvaluationDocument:
    """Evaluate messages or a lead with a model, as of `as_of` or now. Nothing is stored."""
    model, now = await compile_any(runtime.database, wanted.model), runtime.clock()
    if wanted.lead_id is None:
        return await asyncio.to_thread(_evaluated, model, wanted.messages or [], wanted, now)
    view = await runtime.leads.score_by(wanted.lead_id, model, wanted.as_of, now)
    return EvaluationDocument.of(view.evaluation, view.stage, view.as_of)


def _evaluated(model: CompiledModel, messages: list[Any], wanted: DryRunRequest, now: datetime) -> EvaluationDocument:
    evaluation, stage = dry_run(model, messages, now, wanted.as_of, trusted=wanted.trusted)
    return EvaluationDocument.of(evaluation, stage, wanted.as_of or now)
