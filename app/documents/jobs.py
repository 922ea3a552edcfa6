"""Documents for jobs: long work that somebody asked for."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel

from app.documents.pages import Page
from app.services.jobs import Job, JobKind, JobState


class JobDocument(BaseModel):
    """`progress` counts the events read so far. `result` is the report, null unless the job is `done`.

    `error` says why it failed, or why there is nothing to report: too few outcomes, or none that can be predicted.
    """

    id: UUID
    kind: JobKind
    state: JobState
    progress: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    request: dict[str, Any]
    error: str | None
    result: Any

    @classmethod
    def of(cls, job: Job) -> Self:
        return cls.model_validate(job, from_attributes=True)


class JobPage(Page[JobDocument]):
    pass
