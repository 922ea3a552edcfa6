"""The pruner: deletes what has been kept long enough."""

from app.services.activity import prune_duplicates
from app.services.rejections import prune_rejections
from app.services.runtime import Runtime
from app.services.sign_ins import prune_sign_ins

JOBS_DAYS = 30


async def prune(runtime: Runtime) -> None:
    now = runtime.clock()
    await prune_rejections(runtime.database, now, runtime.settings.rejections_days)
    await prune_duplicates(runtime.database, now, runtime.settings.rejections_days)
    await runtime.feed.prune(now, runtime.settings.changes_days)
    await runtime.deliveries.prune(now, runtime.settings.deliveries_days)
    await runtime.jobs.prune(now, JOBS_DAYS)
    await prune_sign_ins(runtime.database, now)
