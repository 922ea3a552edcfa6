"""Jobs in storage: long work that somebody asked for, and what became of it."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import and_, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.queries import UnreadableRow, fetch_each_as, fetch_first, latest_first
from app.storage.tables import jobs

JobKind = Literal["proposal", "backtest", "preview"]
JobState = Literal["waiting", "running", "done", "failed", "canceled"]
OPEN: tuple[JobState, ...] = ("waiting", "running")


@dataclass(frozen=True, slots=True)
class JobSummary:
    """`progress` counts the events read so far; for a preview, the leads. `error` is None unless it failed."""

    id: UUID
    kind: JobKind
    request: Mapping[str, Any]
    state: JobState
    created_at: datetime
    progress: int = 0
    error: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    claimed_by: UUID | None = None
    claimed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Job(JobSummary):
    """`result` is None unless it is done. It may be large."""

    result: Any = None


SUMMARY = [column for column in jobs.c if column.name != "result"]


async def insert(connection: AsyncConnection, job: Job) -> None:
    await connection.execute(jobs.insert(), [asdict(job)])


async def get(connection: AsyncConnection, job_id: UUID) -> Job | None:
    return await fetch_first(connection, select(jobs).where(jobs.c.id == job_id), Job)


async def page(
    connection: AsyncConnection, kinds: Collection[JobKind] | None, after: UUID | None, limit: int
) -> list[JobSummary | UnreadableRow]:
    """The latest first; of all kinds if `kinds` is None."""
    query = select(*SUMMARY)
    if kinds is not None:
        query = query.where(jobs.c.kind.in_(kinds))
    return await fetch_each_as(connection, jobs, latest_first(query, jobs.c.id, after, limit), JobSummary)


async def count_open(connection: AsyncConnection) -> dict[JobState, int]:
    """How many jobs wait, and how many run."""
    query = select(jobs.c.state, func.count().label("amount")).where(jobs.c.state.in_(OPEN)).group_by(jobs.c.state)
    return dict.fromkeys(OPEN, 0) | {row.state: row.amount for row in await connection.execute(query)}


async def claim(connection: AsyncConnection, owner: UUID, now: datetime, until: datetime) -> Job | UnreadableRow | None:
    """Claim the oldest job that waits, or whose worker has died, unless another one is running.

    One that can't be read has failed: it would keep all others waiting.
    """
    others = jobs.alias()
    is_running = exists().where(others.c.state == "running", others.c.claimed_until > now)
    is_left = or_(jobs.c.state == "waiting", and_(jobs.c.state == "running", jobs.c.claimed_until <= now))
    query = select(jobs).where(is_left, ~is_running).order_by(jobs.c.id).limit(1).with_for_update(of=jobs)
    found = await fetch_each_as(connection, jobs, query, Job)
    if not found:
        return None
    if isinstance(job := found[0], UnreadableRow):
        failed = {"state": "failed", "error": "The stored job can't be read; see the log.", "finished_at": now}
        await connection.execute(update(jobs).where(jobs.c.id == job.row_id).values(failed))
        return job
    claimed: dict[str, Any] = {
        "state": "running",
        "progress": 0,
        "started_at": now,
        "claimed_by": owner,
        "claimed_until": until,
    }
    await connection.execute(update(jobs).where(jobs.c.id == job.id).values(claimed))
    return replace(job, **claimed)


async def change_if_running(connection: AsyncConnection, job_id: UUID, owner: UUID, **values: Any) -> bool:
    """Change a job that this owner has claimed. Returns False if it was canceled, or is another owner's by now."""
    ours = (jobs.c.id == job_id, jobs.c.state == "running", jobs.c.claimed_by == owner)
    return (await connection.execute(update(jobs).where(*ours).values(**values))).rowcount == 1


async def cancel(connection: AsyncConnection, job_id: UUID, now: datetime) -> None:
    """Cancel a job, unless it has ended."""
    open_ = (jobs.c.id == job_id, jobs.c.state.in_(OPEN))
    canceled = {"state": "canceled", "finished_at": now, "claimed_by": None, "claimed_until": None}
    await connection.execute(update(jobs).where(*open_).values(canceled))


async def prune(connection: AsyncConnection, before: datetime) -> int:
    """Delete the jobs that ended before a moment."""
    return (await connection.execute(delete(jobs).where(jobs.c.finished_at < before))).rowcount
