"""Jobs: long work that somebody asked for. A worker runs one at a time, in a process of its own.

That process imports what serving ones never load, and can be killed at any moment: it stores nothing but its result.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from app.errors import NotFound
from app.services.failures import readable
from app.services.pages import Page, fetch_page
from app.storage import jobs as job_store
from app.storage.db import Database
from app.storage.jobs import OPEN, Job, JobKind, JobState, JobSummary

CLAIM = timedelta(seconds=30)
"""How long a claim lasts: if its worker dies, another starts the job over after this time."""


class Jobs:
    """The jobs of one database."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def create(self, kind: JobKind, request: Mapping[str, Any]) -> Job:
        job = Job(uuid7(), kind, request, "waiting", created_at=self._clock())
        async with self._database.write() as connection:
            await job_store.insert(connection, job)
        return job

    async def get(self, job_id: UUID) -> Job:
        """Raises `NotFound`."""
        async with self._database.read() as connection:
            found = await job_store.get(connection, job_id)
        if found is None:
            raise NotFound(f"There is no job {job_id}. /v1/jobs lists those that are kept.")
        return found

    async def page(self, kinds: Collection[JobKind] | None, after: UUID | None, limit: int) -> Page[JobSummary]:
        """The latest first; of all kinds if `kinds` is None."""
        async with self._database.read() as connection:
            return await fetch_page(lambda count: job_store.page(connection, kinds, after, count), limit)

    async def cancel(self, job_id: UUID) -> Job:
        """Cancel a job, unless it has ended. Its process is stopped within seconds. Raises `NotFound`."""
        async with self._database.write() as connection:
            await job_store.cancel(connection, job_id, self._clock())
        return await self.get(job_id)

    async def claim(self, owner: UUID) -> Job | None:
        """The next job to run, if there is one, none is running, and it can be read."""
        now = self._clock()
        async with self._database.write() as connection:
            claimed = await job_store.claim(connection, owner, now, now + CLAIM)
        return next(iter(readable([claimed] if claimed else [])), None)

    async def renew(self, job: Job) -> bool:
        """Renew our claim. Returns False if the job was canceled, or has ended."""
        return await self._change(job, claimed_until=self._clock() + CLAIM)

    async def release(self, job: Job) -> None:
        """Let another worker start the job over at once."""
        await self._change(job, state="waiting", claimed_by=None, claimed_until=None)

    async def report(self, job: Job, progress: int) -> None:
        await self._change(job, progress=progress)

    async def finish(self, job: Job, result: Any) -> None:
        await self._end(job, state="done", result=result)

    async def fail(self, job: Job, error: str) -> None:
        await self._end(job, state="failed", error=error)

    async def prune(self, now: datetime, days: int) -> int:
        async with self._database.write() as connection:
            return await job_store.prune(connection, now - timedelta(days=days))

    async def _end(self, job: Job, **values: Any) -> None:
        await self._change(job, **values, finished_at=self._clock(), claimed_by=None, claimed_until=None)

    async def _change(self, job: Job, **values: Any) -> bool:
        if job.claimed_by is None:
            return False
        async with self._database.write() as connection:
            return await job_store.change_if_running(connection, job.id, job.claimed_by, **values)


__all__ = ["OPEN", "Job", "JobKind", "JobState", "JobSummary", "Jobs"]
