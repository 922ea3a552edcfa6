"""Rejections in storage: refused messages, kept for a while so that nothing is lost silently."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.sql import any_of_values, list_items
from app.storage.tables import rejections


@dataclass(frozen=True, slots=True)
class Rejection:
    """`body` is the message as ASCII JSON, truncated if it was too long.

    `identities` are the message's readable identities, as `kind:value`, to find it by.
    """

    id: UUID
    source: str
    received_at: datetime
    code: str
    detail: str
    message_id: str | None
    body: str
    identities: list[str] = field(default_factory=list)


async def insert(connection: AsyncConnection, new: Collection[Rejection]) -> None:
    if new:
        rows = [{name: getattr(item, name) for name in Rejection.__slots__} for item in new]
        await connection.execute(rejections.insert(), rows)


async def page(connection: AsyncConnection, after: UUID | None, limit: int) -> list[Rejection]:
    """The latest first."""
    query = select(rejections)
    if after is not None:
        query = query.where(rejections.c.id < after)
    rows = await connection.execute(query.order_by(rejections.c.id.desc()).limit(limit))
    return [_from_row(row) for row in rows]


async def naming(connection: AsyncConnection, keys: Collection[str], after: UUID | None, limit: int) -> list[Rejection]:
    """Those whose messages name one of these identities, the latest first. Reads the whole table."""
    items = list_items(rejections.c.identities, connection.dialect)
    query = select(rejections).where(select(items.c.value).where(any_of_values(items.c.value, keys)).exists())
    if after is not None:
        query = query.where(rejections.c.id < after)
    rows = await connection.execute(query.order_by(rejections.c.id.desc()).limit(limit))
    return [_from_row(row) for row in rows]


async def prune(connection: AsyncConnection, before: datetime) -> int:
    return (await connection.execute(delete(rejections).where(rejections.c.received_at < before))).rowcount


def _from_row(row: Row[Any]) -> Rejection:
    return Rejection(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
