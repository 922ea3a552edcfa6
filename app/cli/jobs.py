"""`leadscore job ID`: runs a job in this process, started by a worker.

For people, there are `leadscore model propose`, `backtest` and `preview`. Their modules also have `run_job`, which
returns a job's result. A module is imported only for its jobs: previews don't need the extra `insight`.
"""

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from app.cli.deferred import load_module
from app.cli.runtime import with_database
from app.errors import LeadscoreError
from app.services.jobs import Job, JobKind
from app.services.runtime import Runtime

REPORT_INTERVAL_S = 1
MODULES: dict[JobKind, str] = {"proposal": "proposals", "backtest": "backtests", "preview": "previews"}

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
        module = load_module(f"app.cli.{MODULES[claimed.kind]}")
        result = await module.run_job(runtime, claimed.request, claimed.created_at, progress.update)
    except LeadscoreError as error:  # too few outcomes, say: that is the answer
        await runtime.jobs.fail(claimed, error.detail)
    else:
        await runtime.jobs.finish(claimed, result)
    finally:
        reporting.cancel()


class _Progress:
    """How much has been read so far, stored about once a second while the event loop is free."""

    def __init__(self) -> None:
        self.done = 0

    def update(self, done: int) -> None:
        self.done = done

    async def report_to(self, runtime: Runtime, claimed: Job) -> None:
        while True:
            await asyncio.sleep(REPORT_INTERVAL_S)
            await runtime.jobs.report(claimed, self.done)
