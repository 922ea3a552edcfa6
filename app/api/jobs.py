"""Jobs over HTTP: proposals and backtests, which take up to minutes. Ask for one, then for its job until it ends."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.api.access import Admin, CurrentRuntime, Reader
from app.api.cursors import read_cursor, write_cursor
from app.api.parameters import Cursor, Limit
from app.api.routes import strict_router
from app.documents.jobs import JobDocument, JobPage, JobSummaryDocument
from app.documents.outcomes import BacktestRequest, ProposalRequest
from app.services.jobs import JobKind
from app.services.models import read_model

router = strict_router("/v1", "insight")


@router.post("/proposals", status_code=202, dependencies=[Admin])
async def create_proposal(runtime: CurrentRuntime, wanted: ProposalRequest) -> JobDocument:
    """Learn a model from outcomes. The job's result has its document, to be drafted, and a report."""
    return JobDocument.of(await runtime.jobs.create("proposal", wanted.model_dump(mode="json")))


@router.post("/backtests", status_code=202, dependencies=[Admin])
async def create_backtest(runtime: CurrentRuntime, wanted: BacktestRequest) -> JobDocument:
    """Look at how well a model would have predicted an outcome. The job's result is a report by score."""
    for model in (wanted.model, wanted.other):
        if isinstance(model, dict):
            await asyncio.to_thread(read_model, model)  # for its faults, now rather than in the job
    return JobDocument.of(await runtime.jobs.create("backtest", wanted.model_dump(mode="json")))


@router.get("/jobs", dependencies=[Reader])
async def list_jobs(
    runtime: CurrentRuntime,
    kind: Annotated[list[JobKind] | None, Query(description="Repeatable: any of these.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> JobPage:
    """The latest first, without their results. Jobs are kept for 30 days after they have ended."""
    query = ("jobs", sorted(kind or ()))
    (after,) = read_cursor(query, cursor, UUID) if cursor else (None,)
    page = await runtime.jobs.page(kind, after, limit)
    more = write_cursor(query, [str(page.last.id)]) if page.last else None
    return JobPage(data=list(map(JobSummaryDocument.of, page.items)), next_cursor=more)


@router.get("/jobs/{job_id}", dependencies=[Reader])
async def get_job(runtime: CurrentRuntime, job_id: UUID) -> JobDocument:
    return JobDocument.of(await runtime.jobs.get(job_id))


@router.delete("/jobs/{job_id}", dependencies=[Admin])
async def cancel_job(runtime: CurrentRuntime, job_id: UUID) -> JobDocument:
    """Stop a job within seconds. One that has ended stays as it is."""
    return JobDocument.of(await runtime.jobs.cancel(job_id))
