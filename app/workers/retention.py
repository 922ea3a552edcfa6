"""The retention worker: deletes anonymous leads and events that have been kept long enough."""

import asyncio
from datetime import timedelta

from app.services.retention import delete_anonymous_leads, delete_old_events
from app.services.runtime import Runtime
from app.workers.schedule import counting_moves


async def apply_retention(runtime: Runtime, stopping: asyncio.Event) -> None:
    """One round. Leads first: their events go with them. If the process stops, the rest waits for the next round."""
    now, settings = runtime.clock(), runtime.settings

    if settings.anonymous_days is not None:
        first_day_kept = (now - timedelta(days=settings.anonymous_days)).date()
        await delete_anonymous_leads(runtime.database, first_day_kept, now, lambda _count: not stopping.is_set())
    if settings.events_days is not None:
        before, on_chunk = now - timedelta(days=settings.events_days), counting_moves(runtime, stopping)
        await delete_old_events(runtime.database, runtime.models, before, now, on_chunk, set_aside=runtime.set_aside)
