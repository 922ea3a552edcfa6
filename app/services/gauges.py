"""Gauges read from the database: leads by stage, leads left in a rollout, overdue checks, webhooks, the feed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Unavailable
from app.metrics import Metrics
from app.services.models import active_version
from app.storage import changes as change_store
from app.storage import deliveries as delivery_store
from app.storage import leads as lead_store
from app.storage import webhooks as webhook_store
from app.storage.db import Database

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Gauges:
    """What `/metrics` and `/v1/status` show of the database. `leads` are counted by stage."""

    leads: Mapping[str, int]
    rollout_left: int
    oldest_due_s: float
    pending_deliveries: int
    oldest_delivery_s: float
    disabled_webhooks: int
    feed_position: int


async def read_gauges(connection: AsyncConnection, now: datetime) -> Gauges:
    pending, oldest_pending = await delivery_store.backlog(connection)
    return Gauges(
        leads=await lead_store.count_by_stage(connection),
        rollout_left=await lead_store.count_outdated(connection, await active_version(connection)),
        oldest_due_s=overdue_s(await lead_store.oldest_due(connection), now),
        pending_deliveries=pending,
        oldest_delivery_s=(now - oldest_pending).total_seconds() if oldest_pending else 0,
        disabled_webhooks=await webhook_store.count_disabled(connection),
        feed_position=(await change_store.extent(connection)).last,
    )


async def update_gauges(database: Database, metrics: Metrics, now: datetime) -> None:
    """Update them all from one transaction. They have no value while the database is unreachable."""
    try:
        async with database.read() as connection:
            gauges = await read_gauges(connection, now)
    except Unavailable:
        metrics.forget()
        return
    metrics.rollout_left.set(gauges.rollout_left)
    metrics.oldest_due_seconds.set(gauges.oldest_due_s)
    metrics.pending_deliveries.set(gauges.pending_deliveries)
    metrics.oldest_delivery_seconds.set(gauges.oldest_delivery_s)
    metrics.disabled_webhooks.set(gauges.disabled_webhooks)
    metrics.feed_position.set(gauges.feed_position)
    metrics.leads.clear()
    for stage, count in gauges.leads.items():
        metrics.leads.labels(stage).set(count)


def overdue_s(due_on: date | None, now: datetime) -> float:
    """How long ago the day began on which a check was due, in seconds."""
    if due_on is None or due_on > now.date():
        return 0
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return (now.date() - due_on).days * DAY_S + (now - midnight).total_seconds()
