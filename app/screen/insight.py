"""Insight: backtests and proposals, which are jobs of `/v1/backtests` and `/v1/proposals`, and their results."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response
from pydantic import Field, TypeAdapter

from app.api.access import CurrentRuntime
from app.api.jobs import cancel_job, create_backtest, create_proposal, get_job, list_jobs
from app.documents.backtests import BacktestDocument
from app.documents.jobs import JobDocument, JobSummaryDocument
from app.documents.outcomes import BacktestRequest, Days, Name, ProposalRequest
from app.documents.parameters import VersionOrActive
from app.documents.proposals import ProposalDocument
from app.errors import NotFound
from app.screen.backtests import look_at
from app.screen.frames import CurrentFrame
from app.screen.labels import title_of
from app.screen.people import people_of
from app.screen.routes import ScreenRoute
from app.screen.viewers import AdminViewer
from app.services.jobs import JobKind
from app.services.runtime import Runtime

KINDS: tuple[JobKind, ...] = ("backtest", "proposal")
MAX_LEADS = 8
BACKTESTS = TypeAdapter(dict[str, BacktestDocument])

Every = Annotated[Literal["day", "week", "month"], Form()]
Outcome = Annotated[Name, Form()]
Within = Annotated[Annotated[Days, Field(ge=1)], Form()]

router = APIRouter(prefix="/insight", route_class=ScreenRoute)


@router.get("")
async def show_insight(frame: CurrentFrame, runtime: CurrentRuntime) -> Response:
    jobs = (await list_jobs(runtime, kind=[*KINDS])).data
    return frame.render(
        "insight.html",
        "insight",
        outcomes=list(_outcomes(frame.model)),
        jobs=jobs,
        kinds=KINDS,
        asked=lambda job: question_of(job, frame.model),
    )


@router.post("/backtests")
async def start_backtest(
    _: AdminViewer,
    runtime: CurrentRuntime,
    outcome: Outcome,
    within_days: Within = 30,
    every: Every = "week",
    model: Annotated[VersionOrActive, Form()] = "active",
) -> Response:
    wanted = BacktestRequest(outcome=outcome, within_days=within_days, every=every, model=model)
    return _to_job(await create_backtest(runtime, wanted))


@router.post("/proposals")
async def start_proposal(
    _: AdminViewer, runtime: CurrentRuntime, outcome: Outcome, within_days: Within = 30, every: Every = "week"
) -> Response:
    wanted = ProposalRequest(outcome=outcome, within_days=within_days, every=every)
    return _to_job(await create_proposal(runtime, wanted))


@router.get("/jobs/{job_id}")
async def show_job(frame: CurrentFrame, runtime: CurrentRuntime, job_id: UUID, score: str | None = None) -> Response:
    job = await get_job(runtime, job_id)
    if job.kind not in KINDS:
        raise NotFound(f"Job {job_id} is neither a backtest nor a proposal.")
    context: dict[str, Any] = {"path": f"insight/jobs/{job_id}", "asked": question_of(job, frame.model)}
    if job.state != "done":
        return frame.render_job(job, "job.html", "insight", **context)
    if job.kind == "backtest":
        return frame.render_job(job, "backtest.html", "insight", **context, **await _backtest(runtime, job, score))
    report = ProposalDocument.model_validate(job.result)
    return frame.render_job(job, "proposal.html", "insight", **context, report=report)


@router.post("/jobs/{job_id}/cancel")
async def cancel(_: AdminViewer, runtime: CurrentRuntime, job_id: UUID) -> Response:
    await cancel_job(runtime, job_id)
    return RedirectResponse(f"../{job_id}", HTTPStatus.SEE_OTHER)


def question_of(job: JobSummaryDocument, model: Mapping[str, Any]) -> str:
    """`Order completed within 30 days, seen every week`."""
    asked = job.request
    titles = dict(_outcomes(model))
    outcome = titles.get(asked["outcome"], asked["outcome"])
    return f"{outcome} within {asked['within_days']} days, seen {_schedule(asked)}"


def _schedule(asked: Mapping[str, Any]) -> str:
    if asked.get("at") is not None:
        return f"on {asked['at']}"
    if asked.get("after_days") is not None:
        return f"after {asked['after_days']} days"
    return f"every {asked['every']}"


def _to_job(job: JobDocument) -> Response:
    return RedirectResponse(f"jobs/{job.id}", HTTPStatus.SEE_OTHER)


def _outcomes(model: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What can be predicted, with its title: the signals of a model, and its stages but the first."""
    for name, signal in model["signals"].items():
        yield name, title_of(signal, name)
    for stage in model["stages"][1:]:
        yield stage["name"], f"Stage {stage.get('title') or stage['name']}"


async def _backtest(runtime: Runtime, job: JobDocument, score: str | None) -> dict[str, Any]:
    """What the page of a backtest shows: the report of one score, by default the first."""
    reports = BACKTESTS.validate_python(job.result)
    chosen = score if score in reports else next(iter(reports))
    report = reports[chosen]
    shown = [*report.unseen[:MAX_LEADS], *report.ready_without[:MAX_LEADS]]
    people = await people_of(runtime, {UUID(each.lead_id) for each in shown})
    return {
        "scores": list(reports),
        "score": chosen,
        "look": look_at(report),
        "people": {str(lead_id): person for lead_id, person in people.items()},
        "most": MAX_LEADS,
    }
