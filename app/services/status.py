"""The status of the service, as an operator looks at it: the process that is asked, and the database of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from app.services.gauges import Gauges, read_gauges
from app.services.health import unready_because
from app.services.rollouts import Progress, unfinished_rollout
from app.services.runtime import Runtime
from app.storage import deliveries as delivery_store
from app.storage import jobs as job_store
from app.storage import webhooks as webhook_store
from app.storage.jobs import JobState
from app.storage.migrations import current_revision

DatabaseKind = Literal["sqlite", "postgresql"]


@dataclass(frozen=True, slots=True)
class Status:
    """`unready_because` is None if requests are served. `jobs` are counted by state, those that have ended excepted."""

    schema: str | None
    database: DatabaseKind
    unready_because: str | None
    writable: bool
    queue_messages: int
    gauges: Gauges
    rollout: Progress | None
    jobs: Mapping[JobState, int]
    webhooks_behind: int
    webhooks_failing: int
    dead_deliveries: int


async def read_status(runtime: Runtime) -> Status:
    """Everything of the database from one transaction. Raises `Unavailable`."""
    because, now = await unready_because(runtime.check), runtime.clock()
    async with runtime.database.read() as connection:
        return Status(
            schema=await current_revision(connection),
            database="postgresql" if runtime.database.is_postgres else "sqlite",
            unready_because=because,
            writable=runtime.database.is_writable,
            queue_messages=runtime.writer.waiting,
            gauges=await read_gauges(connection, now),
            rollout=await unfinished_rollout(connection, now),
            jobs=await job_store.count_open(connection),
            webhooks_behind=await webhook_store.count_behind(connection),
            webhooks_failing=await webhook_store.count_failing(connection),
            dead_deliveries=await delivery_store.count_dead(connection),
        )


__all__ = ["DatabaseKind", "JobState", "Status", "read_status"]
