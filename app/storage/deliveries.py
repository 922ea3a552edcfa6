"""Deliveries in storage: changes for webhooks, with the state of each and how its latest attempt went."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.changes import ChangeType
from app.storage.queries import UnreadableRow, fetch_each_as, fetch_first, latest_first
from app.storage.sql import any_of_values, insert_rows
from app.storage.statements import Statement
from app.storage.tables import deliveries, webhooks

DeliveryState = Literal["pending", "delivered", "dead"]
DeliveryType = Literal[ChangeType, "webhook.test"]
STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A change for a webhook. `attempts` counts those that ended; the fields from `attempted_at` on are the latest's.

    `next_attempt_at` is None unless it is pending. `answer` is the beginning of the receiver's answer.
    """

    id: UUID
    webhook_id: UUID
    change_id: UUID
    type: str
    lead_id: UUID | None
    body: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    attempted_at: datetime | None = None
    status: int | None = None
    error: str | None = None
    answer: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries to list or to replay: those that match every field that is set."""

    id: UUID | None = None
    webhook_id: UUID | None = None
    state: DeliveryState | None = None
    type: DeliveryType | None = None
    lead_id: UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


async def insert(connection: AsyncConnection, new: Sequence[Delivery]) -> None:
    """Add deliveries, except of changes that the webhook has a delivery of already."""
    if new:
        await _INSERT.rows(connection, rows=[asdict(delivery) for delivery in new])


_INSERT = Statement(lambda dialect: insert_rows(deliveries, dialect).on_conflict_do_nothing())


async def claim(
    connection: AsyncConnection, webhook_id: UUID, now: datetime, until: datetime, limit: int
) -> list[Delivery | UnreadableRow]:
    """Up to `limit` deliveries that are due, the longest due first. Until then, no other process will claim them."""
    due = (deliveries.c.webhook_id == webhook_id, _PENDING, deliveries.c.next_attempt_at <= now)
    query = select(deliveries).where(*due).order_by(deliveries.c.next_attempt_at, deliveries.c.id).limit(limit)
    claimed = await fetch_each_as(connection, deliveries, query.with_for_update(skip_locked=True), Delivery)
    if claimed:
        theirs = any_of_values(
            deliveries.c.id, [each.row_id if isinstance(each, UnreadableRow) else each.id for each in claimed]
        )
        await connection.execute(update(deliveries).where(theirs).values(next_attempt_at=until))
    return claimed


_PENDING = deliveries.c.state == "pending"
_RECORDED = ("state", "attempts", "next_attempt_at", "attempted_at", "status", "error", "answer", "seconds")


async def record(connection: AsyncConnection, attempted: Collection[Delivery]) -> None:
    """Store how attempts went. One that another process has recorded since it was claimed keeps that result."""
    if not attempted:
        return
    values = {name: bindparam(f"new_{name}", type_=deliveries.c[name].type) for name in _RECORDED}
    same = and_(deliveries.c.id == bindparam("delivery"), deliveries.c.attempts == bindparam("attempts_before"))
    rows = [
        {"delivery": each.id, "attempts_before": each.attempts - 1}
        | {f"new_{name}": getattr(each, name) for name in _RECORDED}
        for each in attempted
    ]
    await connection.execute(update(deliveries).where(same, _PENDING).values(values), rows)


async def get(connection: AsyncConnection, delivery_id: UUID) -> Delivery | None:
    return await fetch_first(connection, select(deliveries).where(deliveries.c.id == delivery_id), Delivery)


async def page(
    connection: AsyncConnection, wanted: DeliveryFilter, after: UUID | None, limit: int
) -> list[Delivery | UnreadableRow]:
    """The latest first."""
    query = latest_first(select(deliveries).where(_matches(wanted)), deliveries.c.id, after, limit)
    return await fetch_each_as(connection, deliveries, query, Delivery)


async def of_leads(
    connection: AsyncConnection, lead_ids: Collection[UUID], after: UUID | None, limit: int
) -> list[Delivery | UnreadableRow]:
    """The deliveries of these leads' changes, the latest first."""
    theirs = select(deliveries).where(any_of_values(deliveries.c.lead_id, lead_ids))
    query = latest_first(theirs, deliveries.c.id, after, limit)
    return await fetch_each_as(connection, deliveries, query, Delivery)


async def count(connection: AsyncConnection, wanted: DeliveryFilter) -> int:
    return (await connection.execute(select(func.count()).select_from(deliveries).where(_matches(wanted)))).scalar_one()


async def replay(connection: AsyncConnection, wanted: DeliveryFilter, now: datetime) -> int:
    """Make deliveries due again, as if they had not been attempted. Returns how many there were."""
    again = {"state": "pending", "attempts": 0, "next_attempt_at": now}
    return (await connection.execute(update(deliveries).where(_matches(wanted)).values(again))).rowcount


def _matches(wanted: DeliveryFilter) -> ColumnElement[bool]:
    equal = {name: getattr(wanted, name) for name in ("id", "webhook_id", "state", "type", "lead_id")}
    conditions = [deliveries.c[name] == value for name, value in equal.items() if value is not None]
    if wanted.created_after is not None:
        conditions.append(deliveries.c.created_at > wanted.created_after)
    if wanted.created_before is not None:
        conditions.append(deliveries.c.created_at < wanted.created_before)
    return and_(true(), *conditions)


async def backlog(connection: AsyncConnection) -> tuple[int, datetime | None]:
    """How many deliveries of enabled webhooks are pending, and when the oldest of them was created."""
    enabled = select(webhooks.c.id).where(webhooks.c.disabled_at.is_(None))
    query = select(func.count(), func.min(deliveries.c.created_at)).where(
        _PENDING, deliveries.c.webhook_id.in_(enabled)
    )
    pending, oldest = (await connection.execute(query)).one()
    return pending, oldest


async def count_dead(connection: AsyncConnection, limit: int | None = None) -> int:
    """How many deliveries are dead. `limit`: where to stop counting."""
    # By webhook, because that is how the index begins. A delivery goes with its webhook, so none is left out.
    of_webhooks = deliveries.c.webhook_id.in_(select(webhooks.c.id))
    dead = select(deliveries.c.id).where(of_webhooks, deliveries.c.state == "dead").limit(limit).subquery()
    return (await connection.execute(select(func.count()).select_from(dead))).scalar_one()


async def prune(connection: AsyncConnection, before: datetime) -> int:
    """Delete the deliveries that were created before a moment, except pending ones."""
    old = delete(deliveries).where(deliveries.c.created_at < before, ~_PENDING)
    return (await connection.execute(old)).rowcount
