"""The job worker: runs long work in a process of its own, `leadscore job ID`, until it ends or is canceled."""

import asyncio
import os
import sys
from contextlib import suppress

import structlog

from app.services.jobs import Job
from app.services.runtime import Runtime

CHECK_INTERVAL_S = 1
COMMAND = (sys.executable, "-c", "from app.cli import main; main()", "job")

log = structlog.get_logger()


async def run_job(runtime: Runtime, stopping: asyncio.Event) -> None:
    """One round: the next job, if none is running. If this process stops, another can start the job over at once."""
    job = await runtime.jobs.claim(runtime.id)
    if job is None:
        return
    environment = os.environ | {"LEADSCORE_DATABASE_URL": runtime.settings.database_url}
    process = await asyncio.create_subprocess_exec(*COMMAND, str(job.id), env=environment)
    try:
        await _watch(runtime, stopping, job, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if stopping.is_set():
        await runtime.jobs.release(job)
    elif process.returncode:
        log.warning("job failed", job=str(job.id), kind=job.kind, status=process.returncode)
        await runtime.jobs.fail(job, f"The job's process ended with status {process.returncode}; see the worker's log.")


async def _watch(runtime: Runtime, stopping: asyncio.Event, job: Job, process: asyncio.subprocess.Process) -> None:
    """Until the process ends, this one stops, or the job is canceled."""
    while not stopping.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), CHECK_INTERVAL_S)
            return
        if not await runtime.jobs.renew(job):
            return
