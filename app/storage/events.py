"""The event log: every accepted event, once, filed under an identity that never changes."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Dialect, Row, Select, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.events import Event, Identity, event_name_key
from app.storage.event_filters import EventFilter
from app.storage.identities import parse_identity
from app.storage.queries import UnreadableRow, check_row, fetch_each
from app.storage.sql import any_of_values, insert_rows, or_error
from app.storage.statements import Statement
from app.storage.tables import events, group_summaries, identities, leads

ROWS_AT_ONCE = 500

LONGEST_WRITE = timedelta(minutes=2)
"""An event is committed at most so long after it was received. Its time is that of its transaction's beginning, and a
statement that waits for a lock is given up after 30 seconds."""

COUNTS = events.c.retraction_id.is_(None)

READ = [column if column in (events.c.id, events.c.identity) else or_error(column) for column in events.c]
"""What `event_of_row` needs."""


class UnreadableEvent(UnreadableRow):
    """The row of an event is damaged; `__cause__` says how. `identity` is the one that it is filed under."""

    def __init__(self, event_id: UUID, identity: Identity) -> None:
        super().__init__("events", event_id)
        self.identity = identity


def not_of_leads(lead_ids: Collection[UUID]) -> list[ColumnElement[bool]]:
    """A condition for events of other leads than these; none at all if there are none."""
    theirs = select(identities.c.identity).where(any_of_values(identities.c.lead_id, lead_ids))
    return [events.c.identity.not_in(theirs)] if lead_ids else []


async def insert(connection: AsyncConnection, new: Collection[Event], now: datetime) -> set[UUID]:
    """Append events; return the ids of the new ones, whose source and message id were not in the log yet.

    They count as received now, however long they waited to be stored: no earlier answer can have included them.
    Sorted, so that concurrent writers wait for each other instead of deadlocking.
    """
    if not new:
        return set()
    rows = [_to_row(event, now) for event in sorted(new, key=lambda event: (event.source, event.message_id))]
    return {row.id for row in await _INSERT.rows(connection, rows=rows)}


def _insert(dialect: Dialect) -> Any:
    insert = insert_rows(events, dialect)
    return insert.on_conflict_do_nothing(index_elements=["source", "message_id"]).returning(events.c.id)


_INSERT = Statement(_insert)


async def of_leads(
    connection: AsyncConnection, lead_ids: Collection[UUID], name_keys: Collection[str]
) -> AsyncIterator[dict[UUID, list[Event | UnreadableEvent]]]:
    """Yield these leads' events with one of these names that count, by lead, in chunks, in no particular order."""
    query = (
        select(*READ, identities.c.lead_id)
        .select_from(events)
        .join(identities, identities.c.identity == events.c.identity)
        .where(any_of_values(identities.c.lead_id, lead_ids), any_of_values(events.c.name_key, name_keys), COUNTS)
    )
    async for rows in _some(connection, query):
        found: dict[UUID, list[Event | UnreadableEvent]] = {}
        for row in rows:
            found.setdefault(row.lead_id, []).append(event_or_error(row))
        yield found


async def some_of_lead(connection: AsyncConnection, lead_id: UUID, limit: int) -> list[Event | UnreadableEvent]:
    """Some of a lead's events, retracted ones included."""
    theirs = select(identities.c.identity).where(identities.c.lead_id == lead_id)
    rows = await connection.execute(select(*READ).where(events.c.identity.in_(theirs)).limit(limit))
    return [event_or_error(row) for row in rows]


async def filed_under(
    connection: AsyncConnection, wanted: Collection[Identity], received_by: datetime
) -> AsyncIterator[list[Event]]:
    """Yield the events received under these identities up to a moment, in chunks, in no particular order.

    Retracted ones too: they counted for a while. Raises `UnreadableEvent`.
    """
    is_wanted = any_of_values(events.c.identity, map(str, wanted))
    async for rows in _some(connection, select(*READ).where(is_wanted, events.c.received_at <= received_by)):
        yield [event_of_row(row) for row in rows]


async def counted_under(
    connection: AsyncConnection, wanted: Collection[Identity], unless: EventFilter | None = None
) -> AsyncIterator[list[Event | UnreadableEvent]]:
    """Yield the events under these identities that count, in chunks, in no particular order.

    Those that `unless` matches are left out.
    """
    query = select(*READ).where(any_of_values(events.c.identity, map(str, wanted)), COUNTS)
    if unless is not None:
        query = query.where(unless.condition().is_not(true()))
    async for rows in _some(connection, query):
        yield [event_or_error(row) for row in rows]


async def of_groups(connection: AsyncConnection, group_ids: Collection[str]) -> AsyncIterator[list[Event]]:
    """Yield the messages about these groups that count, in chunks, in no particular order. Raises `UnreadableEvent`."""
    is_wanted = events.c.group_id.is_not(None), any_of_values(events.c.group_id, group_ids), COUNTS
    async for rows in _some(connection, select(*READ).where(*is_wanted)):
        yield [event_of_row(row) for row in rows]


async def groups_named_under(connection: AsyncConnection, keys: Collection[str]) -> set[str]:
    """The groups that messages of these identities, as `kind:value`, are about, deleted ones included."""
    of_people = any_of_values(events.c.identity, keys), events.c.group_id.is_not(None)
    deleted = select(group_summaries.c.group_id).where(any_of_values(group_summaries.c.identity, keys))
    return set((await connection.execute(select(events.c.group_id).where(*of_people).union(deleted))).scalars())


@dataclass(frozen=True, slots=True)
class LeadEvent:
    """An event with its lead. `has_progressed`: whether the lead has ever been beyond the first stage."""

    lead_id: UUID
    has_progressed: bool
    event: Event


async def latest_of_names(
    connection: AsyncConnection, name_keys: Collection[str], since: datetime, until: datetime, limit: int
) -> AsyncIterator[list[LeadEvent | UnreadableEvent]]:
    """Yield the events with one of these names that occurred from `since` to `until`, the latest first."""
    query = (
        select(*READ, identities.c.lead_id, (leads.c.journey != "").label("has_progressed"))
        .select_from(events)
        .join(identities, identities.c.identity == events.c.identity)
        .join(leads, leads.c.id == identities.c.lead_id)
        .where(
            any_of_values(events.c.name_key, name_keys),
            events.c.occurred_at >= since,
            events.c.occurred_at <= until,
            COUNTS,
        )
    )
    async for rows in _some(connection, query.order_by(events.c.occurred_at.desc()).limit(limit)):
        yield [_lead_event_or_error(row) for row in rows]


def _lead_event_or_error(row: Row[Any]) -> LeadEvent | UnreadableEvent:
    event = event_or_error(row)
    return event if isinstance(event, UnreadableEvent) else LeadEvent(row.lead_id, row.has_progressed, event)


async def with_leads(
    connection: AsyncConnection,
) -> AsyncIterator[list[tuple[UUID, datetime, Event | UnreadableEvent]]]:
    """Yield all events that count, in chunks, in no particular order: the lead, since when that is known, the event."""
    joined = events.join(identities, identities.c.identity == events.c.identity)
    query = select(*READ, identities.c.lead_id, identities.c.linked_at).select_from(joined)
    async for rows in _some(connection, query.where(COUNTS)):
        yield [(row.lead_id, row.linked_at, event_or_error(row)) for row in rows]


async def all_in_order(connection: AsyncConnection) -> AsyncIterator[Event]:
    """Yield the whole log in the order of receipt. Raises `UnreadableEvent`."""
    async for rows in _some(connection, select(*READ).order_by(events.c.id)):
        for row in rows:
            yield event_of_row(row)


async def _some(connection: AsyncConnection, query: Select[Any]) -> AsyncIterator[Sequence[Row[Any]]]:
    """Stream rows in chunks: all at once would need too much memory, and one by one a task switch each."""
    async for rows in (await connection.stream(query)).partitions(ROWS_AT_ONCE):
        yield rows


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended."""

    occurred_at: datetime
    event_id: UUID


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event, and the retraction that keeps it from counting, if there is one."""

    event: Event
    retraction_id: UUID | None


async def page(
    connection: AsyncConnection, lead_id: UUID, after: Position | None, limit: int
) -> list[LoggedEvent | UnreadableRow]:
    """A lead's events, the latest first."""
    query = (
        select(events)
        .join(identities, identities.c.identity == events.c.identity)
        .where(identities.c.lead_id == lead_id)
    )
    if after is not None:
        earlier = events.c.occurred_at < after.occurred_at
        query = query.where(or_(earlier, (events.c.occurred_at == after.occurred_at) & (events.c.id < after.event_id)))
    query = query.order_by(events.c.occurred_at.desc(), events.c.id.desc()).limit(limit)
    return await fetch_each(connection, events, query, lambda row: LoggedEvent(_read(row), row.retraction_id))


async def received_at(
    connection: AsyncConnection, lead_id: UUID, moments: Collection[datetime]
) -> list[Event | UnreadableEvent]:
    """A lead's events that were received at one of these moments, the earliest first."""
    query = (
        select(*READ)
        .select_from(events)
        .join(identities, identities.c.identity == events.c.identity)
        .where(identities.c.lead_id == lead_id, any_of_values(events.c.received_at, moments))
    )
    return [event_or_error(row) for row in await connection.execute(query.order_by(events.c.id))]


def _to_row(event: Event, received_at: datetime) -> dict[str, Any]:
    return {
        "id": event.id,
        "source": event.source,
        "message_id": event.message_id,
        "identity": str(event.identities[0]),
        "identities": [str(identity) for identity in event.identities],
        "type": event.type,
        "name": event.name,
        "name_key": event_name_key(event.name),
        "occurred_at": event.occurred_at,
        "received_at": received_at,
        "trusted": event.trusted,
        "properties": event.properties,
        "context": event.context,
        "traits": event.traits,
        "group_id": event.group_id,
        "retraction_id": None,
    }


def event_or_error(row: Row[Any]) -> Event | UnreadableEvent:
    """The same as `event_of_row`, but the error is returned."""
    try:
        return event_of_row(row)
    except UnreadableEvent as error:
        return error


def sound_among(found: Iterable[Event | UnreadableEvent]) -> list[Event]:
    return [each for each in found if isinstance(each, Event)]


def unreadable_among(found: Iterable[Event | UnreadableEvent]) -> list[UnreadableEvent]:
    return [each for each in found if isinstance(each, UnreadableEvent)]


def event_of_row(row: Row[Any]) -> Event:
    """The event in a row with the columns of `READ`. Raises `UnreadableEvent`."""
    try:
        return _read(row)
    except Exception as error:
        raise UnreadableEvent(row.id, parse_identity(row.identity)) from error


def _read(row: Row[Any]) -> Event:
    check_row(row)
    return Event(
        id=row.id,
        source=row.source,
        message_id=row.message_id,
        type=row.type,
        name=row.name,
        identities=tuple(map(parse_identity, row.identities)),
        occurred_at=row.occurred_at,
        received_at=row.received_at,
        trusted=row.trusted,
        properties=row.properties,
        context=row.context,
        traits=row.traits,
    )
