"""Webhooks in storage."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.queries import UnreadableRow, fetch_each_as, fetch_first
from app.storage.tables import commits, deliveries, feed, webhooks


@dataclass(frozen=True, slots=True)
class Webhook:
    """An endpoint. `position`: how far the feed has been searched for changes that its `filter` wants.

    `old_secret` also signs until `old_secret_until`. `failing_since`: its first failure after the last success.
    """

    id: UUID
    url: str
    description: str | None
    filter: Mapping[str, Any]
    thin: bool
    secret: str
    position: int
    created_at: datetime
    old_secret: str | None = None
    old_secret_until: datetime | None = None
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_because: str | None = None


async def insert(connection: AsyncConnection, webhook: Webhook) -> None:
    await connection.execute(webhooks.insert(), [asdict(webhook)])


async def get(connection: AsyncConnection, webhook_id: UUID) -> Webhook | None:
    return await fetch_first(connection, select(webhooks).where(webhooks.c.id == webhook_id), Webhook)


async def lock(connection: AsyncConnection, webhook_id: UUID) -> Webhook | None:
    """The webhook, locked until the transaction ends."""
    query = select(webhooks).where(webhooks.c.id == webhook_id).with_for_update()
    return await fetch_first(connection, query, Webhook)


async def list_all(connection: AsyncConnection) -> list[Webhook | UnreadableRow]:
    return await fetch_each_as(connection, webhooks, select(webhooks).order_by(webhooks.c.id), Webhook)


async def change(connection: AsyncConnection, webhook: Webhook, **values: Any) -> Webhook:
    """Store new values of a locked webhook, unless it has them already. Returns the webhook with them."""
    changed = replace(webhook, **values)
    if changed != webhook:
        await connection.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(**values))
    return changed


async def remove(connection: AsyncConnection, webhook_id: UUID) -> None:
    """Delete a locked webhook with its deliveries."""
    await connection.execute(delete(deliveries).where(deliveries.c.webhook_id == webhook_id))
    await connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id))


_IS_ENABLED = webhooks.c.disabled_at.is_(None)
_IS_BEHIND = webhooks.c.position < select(feed.c.last_position).scalar_subquery()


async def with_work(connection: AsyncConnection, now: datetime) -> list[UUID]:
    """The enabled webhooks with a delivery that is due, or with changes after their position."""
    due = exists().where(
        deliveries.c.webhook_id == webhooks.c.id,
        deliveries.c.state == "pending",
        deliveries.c.next_attempt_at <= now,
    )
    unnumbered = exists().where(commits.c.last_position.is_(None))
    query = select(webhooks.c.id).where(_IS_ENABLED, or_(_IS_BEHIND, unnumbered, due))
    return list((await connection.execute(query)).scalars())


async def count_disabled(connection: AsyncConnection) -> int:
    return await _count(connection, ~_IS_ENABLED)


async def count_failing(connection: AsyncConnection) -> int:
    """The webhooks whose latest attempt failed, those included that were disabled after it."""
    return await _count(connection, webhooks.c.failing_since.is_not(None))


async def count_behind(connection: AsyncConnection) -> int:
    """The enabled webhooks for which the feed has changes that were not looked at yet."""
    return await _count(connection, _IS_ENABLED & _IS_BEHIND)


async def _count(connection: AsyncConnection, which: ColumnElement[bool]) -> int:
    return (await connection.execute(select(func.count()).select_from(webhooks).where(which))).scalar_one()
