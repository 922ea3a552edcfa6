"""`leadscore job ID`: runs a job in this process, started by a worker. For people: `model propose` and `backtest`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import BaseModel

from app.cli.runtime import with_database
from app.documents.backtests import BacktestDocument
from app.documents.outcomes import BacktestRequest, OutcomeRequest, ProposalRequest
from app.documents.parameters import AnyModel, number_of
from app.documents.proposals import ProposalDocument
from app.errors import LeadscoreError
from app.insight.questions import Question, Wishes
from app.insight.snapshots import schedule_of
from app.insight.thresholds import Capacity, Goal, Precision
from app.scoring.engine import CompiledModel, compile_model
from app.services.backtests import backtest_model
from app.services.jobs import Job, JobKind
from app.services.models import get_version, read_model
from app.services.proposals import propose_model
from app.services.runtime import Runtime

REPORT_INTERVAL_S = 1

commands = typer.Typer()


@commands.command("job", hidden=True)
def job(
    job_id: Annotated[UUID, typer.Argument(help="The id of a job that a worker has claimed.", parser=UUID)],
) -> None:
    """Run a job that a worker has claimed, and store its result."""
    with_database(lambda runtime: _run(runtime, job_id))


async def _run(runtime: Runtime, job_id: UUID) -> None:
    claimed = await runtime.jobs.get(job_id)
    progress = _Progress()
    reporting = asyncio.create_task(progress.report_to(runtime, claimed))
    try:
        result = await RUNNERS[claimed.kind](runtime, claimed.request, claimed.created_at, progress.update)
    except LeadscoreError as error:  # too few outcomes, say: that is the answer
        await runtime.jobs.fail(claimed, error.detail)
    else:
        await runtime.jobs.finish(claimed, result)
    finally:
        reporting.cancel()


class _Progress:
    """The number of events read so far, stored about once a second while the event loop is free."""

    def __init__(self) -> None:
        self.events = 0

    def update(self, events: int) -> None:
        self.events = events

    async def report_to(self, runtime: Runtime, claimed: Job) -> None:
        while True:
            await asyncio.sleep(REPORT_INTERVAL_S)
            await runtime.jobs.report(claimed, self.events)


async def _propose(runtime: Runtime, request: Any, asked_at: datetime, on_progress: Callable[[int], None]) -> Any:
    wanted = ProposalRequest.model_validate(request)
    wishes = Wishes(frozenset(wanted.exclude), wanted.max_rules, _goal(wanted))
    question = _question(wanted, asked_at)
    found = await propose_model(runtime.database, runtime.models, question, wishes, wanted.since_stage, on_progress)
    return _plain(ProposalDocument.model_validate(found))


async def _backtest(runtime: Runtime, request: Any, asked_at: datetime, on_progress: Callable[[int], None]) -> Any:
    wanted = BacktestRequest.model_validate(request)
    model = await _model(runtime, wanted.model)
    other = None if wanted.other is None else await _model(runtime, wanted.other)
    question = _question(wanted, asked_at)
    found = await backtest_model(
        runtime.database, runtime.models, question, model, other, wanted.since_stage, on_progress
    )
    return {score: _plain(BacktestDocument.model_validate(report)) for score, report in found.items()}


RUNNERS: dict[JobKind, Callable[[Runtime, Any, datetime, Callable[[int], None]], Awaitable[Any]]] = {
    "proposal": _propose,
    "backtest": _backtest,
}


def _question(wanted: OutcomeRequest, now: datetime) -> Question:
    schedule, closed_by = schedule_of(wanted.every, wanted.at, wanted.after_days), frozenset(wanted.closed_by)
    return Question(wanted.outcome, wanted.within_days, now, schedule=schedule, closed_by=closed_by)


def _goal(wanted: ProposalRequest) -> Goal | None:
    if wanted.capacity_per_week is not None:
        return Capacity(wanted.capacity_per_week)
    return None if wanted.precision is None else Precision(wanted.precision)


async def _model(runtime: Runtime, wanted: AnyModel) -> CompiledModel:
    if isinstance(wanted, dict):
        return compile_model(read_model(wanted), version=0)
    return (await get_version(runtime.database, number_of(wanted))).compile()


def _plain(report: BaseModel) -> dict[str, Any]:
    return report.model_dump(mode="json")
