"""Gauges read from the database: leads by stage, leads left in a rollout, overdue checks, webhooks, the feed."""

from datetime import datetime

from app.errors import Unavailable
from app.metrics import Metrics
from app.services.models import active_version
from app.storage import changes as change_store
from app.storage import deliveries as delivery_store
from app.storage import leads as lead_store
from app.storage import webhooks as webhook_store
from app.storage.db import Database


async def update_gauges(database: Database, metrics: Metrics, now: datetime) -> None:
    """Update them all from one transaction. They have no value while the database is unreachable."""
    try:
        async with database.read() as connection:
            counts = await lead_store.count_by_stage(connection)
            oldest = await lead_store.oldest_due(connection)
            version = await active_version(connection)
            left = await lead_store.count_outdated(connection, version)
            pending, oldest_pending = await delivery_store.backlog(connection)
            disabled = await webhook_store.count_disabled(connection)
            feed = await change_store.extent(connection)
    except Unavailable:
        metrics.forget()
        return
    metrics.rollout_left.set(left)
    metrics.pending_deliveries.set(pending)
    metrics.oldest_delivery_seconds.set((now - oldest_pending).total_seconds() if oldest_pending else 0)
    metrics.disabled_webhooks.set(disabled)
    metrics.feed_position.set(feed.last)
    metrics.leads.clear()
    for stage, count in counts.items():
        metrics.leads.labels(stage).set(count)
    overdue_days = (now.date() - oldest).days if oldest else -1
    seconds_today = (now - now.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()
    metrics.oldest_due_seconds.set(overdue_days * 86_400 + seconds_today if overdue_days >= 0 else 0)
