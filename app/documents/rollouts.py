"""Documents for rollouts and their progress."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from app.documents.pages import WholeList
from app.services.rollouts import Progress, State


class RolloutDocument(BaseModel):
    """`done` out of `total` leads; null if another rollout superseded this one. `rate`: leads per second."""

    id: int
    version: int
    notify: Literal["all", "none"]
    state: State
    done: int | None
    total: int
    rate: float | None
    published_at: datetime
    published_by: str | None
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
            published_by=rollout.published_by,
            started_at=rollout.started_at,
            finished_at=rollout.finished_at,
            expected_end=progress.expected_end,
        )


class RolloutList(WholeList[RolloutDocument]):
    pass
