"""The pruner: deletes rejections that have been kept long enough."""

from app.services.rejections import prune_rejections
from app.services.runtime import Runtime


async def prune(runtime: Runtime) -> None:
    await prune_rejections(runtime.database, runtime.clock(), runtime.settings.rejections_days)
