"""Rollouts over HTTP: how far a published model has reached the leads."""

from typing import Annotated

from pydantic import Field

from app.api.access import CurrentRuntime, Reader
from app.api.routes import strict_router
from app.documents.parameters import MAX_VERSION
from app.documents.rollouts import RolloutDocument, RolloutList
from app.services import rollouts as rollout_service
from app.validation.numbers import AsWholeNumber

router = strict_router("/v1/rollouts", "models", Reader)


@router.get("")
async def list_rollouts(runtime: CurrentRuntime) -> RolloutList:
    """All rollouts, latest first."""
    found = await rollout_service.list_rollouts(runtime.database, runtime.clock())
    return RolloutList(data=list(map(RolloutDocument.of, found)), next_cursor=None)


@router.get("/{rollout_id}")
async def get_rollout(
    runtime: CurrentRuntime, rollout_id: Annotated[int, Field(ge=1, le=MAX_VERSION), AsWholeNumber]
) -> RolloutDocument:
    """How far a rollout has come, how fast, and when it is expected to end."""
    return RolloutDocument.of(await rollout_service.progress_of(runtime.database, rollout_id, runtime.clock()))
