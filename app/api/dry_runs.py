"""Dry runs over HTTP: messages evaluated with a model, nothing stored."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from app.api.access import CurrentRuntime, Reader
from app.api.problems import REFUSALS
from app.api.routes import StrictRoute
from app.documents.leads import EvaluationDocument
from app.documents.parameters import AnyModel, Moment, number_of
from app.scoring.engine import CompiledModel, compile_model
from app.services.dry_runs import dry_run
from app.services.models import get_version, read_model

MAX_MESSAGES = 500


class DryRunRequest(BaseModel):
    """`model` is a version, `active`, or a whole document. All `messages` are treated as one person's.

    `trusted`: whether they are treated as sent with a secret key.
    """

    model_config = ConfigDict(extra="forbid")

    model: AnyModel = "active"
    messages: Annotated[list[Any], Field(max_length=MAX_MESSAGES)]
    as_of: Moment | None = None
    trusted: StrictBool = True


router = APIRouter(
    prefix="/v1/evaluate",
    tags=["models"],
    route_class=StrictRoute,
    dependencies=[Reader],
    responses=REFUSALS,
)


@router.post("")
async def evaluate_messages(runtime: CurrentRuntime, wanted: DryRunRequest) -> EvaluationDocument:
    """Evaluate messages with a model, as of `as_of` or now. Nothing is stored."""
    if isinstance(wanted.model, dict):
        document = wanted.model

        def compiled() -> CompiledModel:
            return compile_model(read_model(document), version=0)
    else:
        compiled = (await get_version(runtime.database, number_of(wanted.model))).compile
    return await asyncio.to_thread(lambda: _evaluated(compiled(), wanted, runtime.clock()))


def _evaluated(model: CompiledModel, wanted: DryRunRequest, now: datetime) -> EvaluationDocument:
    evaluation, stage = dry_run(model, wanted.messages, now, wanted.as_of, trusted=wanted.trusted)
    return EvaluationDocument.of(evaluation, stage, wanted.as_of or now)
