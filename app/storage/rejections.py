"""Rejections in storage: refused messages, kept for a while so that nothing is lost silently."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import MessageCode
from app.scoring.events import Event
from app.storage.queries import UnreadableRow, fetch_each_as, latest_first
from app.storage.sql import any_of_values, list_items
from app.storage.tables import rejections

_LISTED = [column for column in rejections.c if column.name != "event"]
_EVENT = TypeAdapter(Event)


@dataclass(frozen=True, slots=True)
class Rejection:
    """`body` is the message as ASCII JSON, truncated if it was too long.

    `identities` are the message's readable identities, as `kind:value`, to find it by, as is `name_key`, its event name
    as models compare it. `event` is what a quarantined message becomes when it is released; lists leave it out.
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
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class RejectionFilter:
    """Which rejections to list. None means no restriction, and so do no ids and no codes at all.

    `since` is included, `until` is not. Of `message_id` and `name_key`, one has to match. `up_to` is the id of the
    latest rejection that is meant.
    """

    ids: Collection[UUID] = ()
    codes: Collection[MessageCode] = ()
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    message_id: str | None = None
    name_key: str | None = None
    up_to: UUID | None = None


async def insert(connection: AsyncConnection, new: Collection[Rejection]) -> None:
    if new:
        await connection.execute(rejections.insert(), [_to_row(item) for item in new])


async def page(
    connection: AsyncConnection, wanted: RejectionFilter, after: UUID | None, limit: int
) -> list[Rejection | UnreadableRow]:
    """The latest first."""
    query = latest_first(select(*_LISTED).where(*_conditions(wanted)), rejections.c.id, after, limit)
    return await fetch_each_as(connection, rejections, query, Rejection)


async def naming(
    connection: AsyncConnection, keys: Collection[str], after: UUID | None, limit: int
) -> list[Rejection | UnreadableRow]:
    """Those whose messages name one of these identities, with their events, the latest first. Reads the whole table."""
    items = list_items(rejections.c.identities, connection.dialect)
    is_named = select(items.c.value).where(any_of_values(items.c.value, keys)).exists()
    query = latest_first(select(rejections).where(is_named), rejections.c.id, after, limit)
    return await fetch_each_as(connection, rejections, query, _with_event)


async def count_by_code(connection: AsyncConnection, wanted: RejectionFilter) -> dict[str, int]:
    """The most frequent code first."""
    amount = func.count().label("amount")
    query = select(rejections.c.code, amount).where(*_conditions(wanted)).group_by(rejections.c.code)
    rows = await connection.execute(query.order_by(amount.desc(), rejections.c.code))
    return {row.code: row.amount for row in rows}


class Amounts(NamedTuple):
    """How many rejections match, and how many of them can be released."""

    all: int
    releasable: int


async def count(connection: AsyncConnection, wanted: RejectionFilter) -> Amounts:
    query = select(func.count(), func.count(rejections.c.event)).where(*_conditions(wanted))
    return Amounts(*(await connection.execute(query)).one())


async def releasable(
    connection: AsyncConnection, wanted: RejectionFilter, after: UUID | None, limit: int
) -> list[UUID]:
    """The ids of the oldest that can be released."""
    query = select(rejections.c.id).where(*_conditions(wanted), rejections.c.event.is_not(None))
    if after is not None:
        query = query.where(rejections.c.id > after)
    return list((await connection.execute(query.order_by(rejections.c.id).limit(limit))).scalars())


async def take(connection: AsyncConnection, ids: Collection[UUID]) -> list[Event]:
    """Delete what can be released of these; return the events. Nobody else gets the same ones."""
    is_wanted = any_of_values(rejections.c.id, ids), rejections.c.event.is_not(None)
    rows = await connection.execute(delete(rejections).where(*is_wanted).returning(rejections.c.id, rejections.c.event))
    return [event_from_text(row.event) for row in sorted(rows, key=lambda row: row.id)]


def _conditions(wanted: RejectionFilter) -> Iterator[ColumnElement[bool]]:
    c = rejections.c
    if wanted.ids:
        yield any_of_values(c.id, wanted.ids)
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
    if wanted.up_to is not None:
        yield c.id <= wanted.up_to


async def prune(connection: AsyncConnection, before: datetime) -> int:
    return (await connection.execute(delete(rejections).where(rejections.c.received_at < before))).rowcount


def event_to_text(event: Event) -> str:
    """JSON in ASCII with escapes, because neither databases nor UTF-8 can hold every character of an event."""
    return json.dumps(_EVENT.dump_python(event, mode="json"))


def event_from_text(text: str) -> Event:
    return _EVENT.validate_python(json.loads(text))


def _to_row(item: Rejection) -> dict[str, Any]:
    fields = {name: getattr(item, name) for name in Rejection.__slots__}
    return fields | {"event": item.event and event_to_text(item.event)}


def _with_event(event: str | None, **row: Any) -> Rejection:
    return Rejection(**row, event=event_from_text(event) if event else None)
