"""Rollouts over HTTP: how far a published model has reached the leads."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api.access import CurrentRuntime, Reader
from app.api.parameters import MAX_VERSION
from app.api.problems import REFUSALS
from app.api.routes import StrictRoute
from app.services.rollouts import Progress, State, list_rollouts, progress_of


class RolloutDocument(BaseModel):
    """`done` of `total` leads; null where another rollout came between. `rate` is in leads a second."""

    id: int
    version: int
    notify: Literal["all", "none"]
    state: State
    done: int | None
    total: int
    rate: float | None
    published_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expected_end: datetime | None

    @classmethod
    def of(cls, progress: Progress) -> "RolloutDocument":
        rollout = progress.rollout
        return cls(
            id=rollout.id,
            version=rollout.version,
            notify="all" if rollout.notify else "none",
            state=progress.state,
            done=progress.done,
            total=rollout.leads,
            rate=round(progress.leads_per_second, 1) if progress.leads_per_second is not None else None,
            published_at=rollout.published_at,
            started_at=rollout.started_at,
            finished_at=rollout.finished_at,
            expected_end=progress.expected_end,
        )


class RolloutList(BaseModel):
    data: list[RolloutDocument]
    next_cursor: None


router = APIRouter(
    prefix="/v1/rollouts",
    tags=["models"],
    route_class=StrictRoute,
    dependencies=[Reader],
    responses=REFUSALS,
)


@router.get("")
async def list_all(runtime: CurrentRuntime) -> RolloutList:
    """Every rollout, the latest first."""
    found = await list_rollouts(runtime.database, runtime.clock())
    return RolloutList(data=list(map(RolloutDocument.of, found)), next_cursor=None)


@router.get("/{rollout_id}")
async def get_one(runtime: CurrentRuntime, rollout_id: Annotated[int, Field(ge=1, le=MAX_VERSION)]) -> RolloutDocument:
    """How far one has come, how fast, and when it is expected to end."""
    return RolloutDocument.of(await progress_of(runtime.database, rollout_id, runtime.clock()))
