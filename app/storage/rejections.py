"""Rejections in storage: refused messages, kept for a while so that nothing is lost silently."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.sql import any_of_values, list_items
from app.storage.tables import rejections


@dataclass(frozen=True, slots=True)
class Rejection:
    """`body` is the message as ASCII JSON, truncated if it was too long.

    `identities` are the message's readable identities, as `kind:value`, to find it by, as is `name_key`, its event name
    as models compare it.
    """

    id: UUID
    source: str
    received_at: datetime
    code: str
    detail: str
    message_id: str | None
    body: str
    name_key: str | None = None
    identities: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RejectionFilter:
    """Which rejections to list. None means no restriction, and so does no code at all.

    `since` is included, `until` is not. Of `message_id` and `name_key`, one has to match.
    """

    codes: Collection[str] = ()
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    message_id: str | None = None
    name_key: str | None = None


async def insert(connection: AsyncConnection, new: Collection[Rejection]) -> None:
    if new:
        rows = [{name: getattr(item, name) for name in Rejection.__slots__} for item in new]
        await connection.execute(rejections.insert(), rows)


async def page(connection: AsyncConnection, wanted: RejectionFilter, after: UUID | None, limit: int) -> list[Rejection]:
    """The latest first."""
    query = select(rejections).where(*_conditions(wanted))
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


async def count_by_code(connection: AsyncConnection, wanted: RejectionFilter) -> dict[str, int]:
    """The most frequent code first."""
    amount = func.count().label("amount")
    query = select(rejections.c.code, amount).where(*_conditions(wanted)).group_by(rejections.c.code)
    rows = await connection.execute(query.order_by(amount.desc(), rejections.c.code))
    return {row.code: row.amount for row in rows}


def _conditions(wanted: RejectionFilter) -> Iterator[ColumnElement[bool]]:
    c = rejections.c
    if wanted.codes:
        yield any_of_values(c.code, wanted.codes)
    if wanted.source is not None:
        yield c.source == wanted.source
    if wanted.since is not None:
        yield c.received_at >= wanted.since
    if wanted.until is not None:
        yield c.received_at < wanted.until
    if wanted.message_id is not None or wanted.name_key is not None:
        yield or_(c.message_id == wanted.message_id, c.name_key == wanted.name_key)


async def prune(connection: AsyncConnection, before: datetime) -> int:
    return (await connection.execute(delete(rejections).where(rejections.c.received_at < before))).rowcount


def _from_row(row: Row[Any]) -> Rejection:
    return Rejection(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
