"""Documents for jobs: long work that somebody asked for."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue

from app.documents.backtests import BacktestDocument
from app.documents.pages import Page
from app.documents.previews import PreviewDocument
from app.documents.proposals import ProposalDocument
from app.services.jobs import OPEN, JobKind, JobState, JobSummary


class _Documented:
    """Gives JSON a schema without validating it: a job's result may be older than this version's documents."""

    def __init__(self, kinds: Any) -> None:
        self._adapter = TypeAdapter(kinds)

    def __get_pydantic_json_schema__(self, _: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(self._adapter.core_schema)


class JobSummaryDocument(BaseModel):
    """`progress` counts the events read so far; for a preview, the leads.

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

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state in OPEN

    @classmethod
    def of(cls, job: JobSummary) -> Self:
        return cls.model_validate(job, from_attributes=True)


class JobDocument(JobSummaryDocument):
    """A job with its `result`, which is null unless it is `done`."""

    result: Annotated[Any, _Documented(ProposalDocument | dict[str, BacktestDocument] | PreviewDocument | None)]


class JobPage(Page[JobSummaryDocument]):
    pass
