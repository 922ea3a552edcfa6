"""Mentions in storage: what names a person outside of their own rows, which erasure has to find.

No index leads to it: a search reads three tables in ranges, each in a transaction of its own, before the lead is
locked. Under the lock, only what has been committed since the search began is read.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Dialect, Table, and_, bindparam, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.events import Identity
from app.storage.sql import any_of_values, json_items, list_items
from app.storage.tables import commits, events, rejections

Source = Literal["events", "rejections", "commits"]
SOURCES: Mapping[Source, Table] = {"events": events, "rejections": rejections, "commits": commits}

PERSONAL = ("message_ids", "names")
"""Lists in the data of a change whose items a client chose: ids of messages and names of traits."""


@dataclass(frozen=True, slots=True)
class Person:
    """The ids that refer to a lead, and all that it is known by."""

    lead_ids: frozenset[UUID]
    identities: frozenset[Identity]

    @property
    def keys(self) -> list[str]:
        """The identities as `kind:value`."""
        return list(map(str, self.identities))

    def includes(self, other: "Person") -> bool:
        return self.lead_ids >= other.lead_ids and self.identities >= other.identities


@dataclass(frozen=True, slots=True)
class Mentions:
    """The ids of rows that name a person: of events, those that are filed under somebody else."""

    events: tuple[UUID, ...] = ()
    rejections: tuple[UUID, ...] = ()
    commits: tuple[int, ...] = ()

    def __add__(self, other: "Mentions") -> "Mentions":
        return Mentions(self.events + other.events, self.rejections + other.rejections, self.commits + other.commits)


@dataclass(frozen=True, slots=True)
class Start:
    """When a search began: the feed's last position, and a moment, before which everything had been committed."""

    position: int
    received_at: datetime


async def range_end(connection: AsyncConnection, source: Source, after: Any, rows: int) -> Any:
    """The id of the last of the next rows of a table. None if there are fewer."""
    table = SOURCES[source]
    query = select(table.c.id).order_by(table.c.id).offset(rows - 1).limit(1)
    return (await connection.execute(query.where(*_between(table, after, None)))).scalar()


async def search(connection: AsyncConnection, source: Source, person: Person, after: Any, end: Any) -> Mentions:
    """The mentions in the rows of a table after one id and up to another; None is no limit."""
    return await _search(connection, source, person, *_between(SOURCES[source], after, end))


async def search_since(connection: AsyncConnection, person: Person, start: Start) -> Mentions:
    """The mentions that a search which began then may have missed."""
    later = or_(commits.c.last_position.is_(None), commits.c.last_position > start.position)
    return (
        await _search(connection, "commits", person, later)
        + await _search(connection, "events", person, events.c.received_at >= start.received_at)
        + await _search(connection, "rejections", person, rejections.c.received_at >= start.received_at)
    )


async def _search(
    connection: AsyncConnection, source: Source, person: Person, *conditions: ColumnElement[bool]
) -> Mentions:
    table = SOURCES[source]
    query = select(table.c.id).where(_mentions(table, person, connection.dialect), *conditions)
    return Mentions(**{source: tuple((await connection.execute(query)).scalars())})


def _between(table: Table, after: Any, end: Any) -> Iterable[ColumnElement[bool]]:
    if after is not None:
        yield table.c.id > after
    if end is not None:
        yield table.c.id <= end


def _mentions(table: Table, person: Person, dialect: Dialect) -> ColumnElement[bool]:
    if table is commits:
        entries = json_items(commits.c.changes, dialect)
        lead_id = entries.c.value[3].as_string()
        return select(entries.c.value).where(any_of_values(lead_id, map(str, person.lead_ids))).exists()
    items = list_items(table.c.identities, dialect)
    is_named = select(items.c.value).where(any_of_values(items.c.value, person.keys)).exists()
    return and_(is_named, ~any_of_values(events.c.identity, person.keys)) if table is events else is_named


# --- Removing them ----------------------------------------------------------------------------------------------


async def remove(connection: AsyncConnection, person: Person, found: Mentions) -> None:
    """Delete rejections, and take a locked lead's identities out of events, and its personal data out of the feed.

    An event that is filed under another person's identity, as after a visit to a shared browser, linked nothing, so it
    won't if everything is rebuilt.
    """
    keys, lead_ids = set(person.keys), set(map(str, person.lead_ids))
    await connection.execute(delete(rejections).where(any_of_values(rejections.c.id, found.rejections)))
    await _rewrite(connection, events.c.identities, found.events, lambda own: [key for key in own if key not in keys])
    await _rewrite(
        connection,
        commits.c.changes,
        found.commits,
        lambda changes: [_redacted(each) if each[3] in lead_ids else each for each in changes],
    )


async def _rewrite(
    connection: AsyncConnection, column: Column[Any], ids: Collection[Any], change: Callable[[list[Any]], list[Any]]
) -> None:
    """Change the lists in this column, after locking the rows: another erasure may remove something from them, too."""
    table = column.table
    query = select(table.c.id, column).where(any_of_values(table.c.id, ids)).order_by(table.c.id).with_for_update()
    changed = [{"row": row_id, "left": change(items)} for row_id, items in await connection.execute(query)]
    if changed:
        statement = update(table).where(table.c.id == bindparam("row")).values({column.name: bindparam("left")})
        await connection.execute(statement, changed)


def _redacted(entry: list[Any]) -> list[Any]:
    *head, data = entry
    return [*head, data | {name: [] for name in PERSONAL if name in data}]
