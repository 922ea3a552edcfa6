"""Changes in storage: the feed, in the order in which readers can see it.

A transaction inserts all its changes as one row without a position, because nothing that is known before the commit
tells the order of commits. `number` gives the rows their positions afterwards (docs/decisions/0017-the-feed.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import JSON, Dialect, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.sql import UtcDateTime
from app.storage.statements import Statement
from app.storage.tables import commits, feed

ChangeType = Literal[
    "lead.created",
    "lead.stage_changed",
    "lead.score_changed",
    "lead.traits_changed",
    "lead.account_changed",
    "lead.merged",
    "lead.split",
    "lead.erased",
    "model.published",
    "webhook.disabled",
]

COMMITS_AT_ONCE = 50
"""How many commits are numbered or read at once. One holds up to `LEADSCORE_COMMIT_MESSAGES` leads' changes."""

CHANGES_AT_ONCE = 1_000
"""About how many changes are read at once. Parsing them takes time, in which nothing else is done."""


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the feed. `lead_id`: the lead that changed, or the one that another was merged into."""

    id: UUID
    type: ChangeType | Literal["webhook.test"]  # a test is delivered without being in the feed
    at: datetime
    lead_id: UUID | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the feed reaches: from after `pruned_to` up to `last`, both positions."""

    pruned_to: int
    last: int


async def insert(connection: AsyncConnection, changes: Sequence[Change], at: datetime) -> None:
    """Add the changes of this transaction. Call it once all the leads that it changes are locked, and only once."""
    if changes:
        await _INSERT.rows(
            connection, committed_at=at, count=len(changes), entries=[_to_entry(each) for each in changes]
        )


def _insert(_dialect: Dialect) -> Any:
    values = {
        "at": bindparam("committed_at", type_=UtcDateTime),
        "size": bindparam("count"),
        "changes": bindparam("entries", type_=JSON),
    }
    return commits.insert().inline().values(values)


_INSERT = Statement(_insert)


_EXTENT = select(feed.c.pruned_to, feed.c.last_position)


async def _lock(connection: AsyncConnection) -> Extent:
    """Wait until no other transaction numbers or prunes the feed."""
    return Extent(*(await connection.execute(_EXTENT.with_for_update())).one())


async def has_unnumbered(connection: AsyncConnection) -> bool:
    query = select(commits.c.id).where(commits.c.last_position.is_(None)).limit(1)
    return (await connection.execute(query)).first() is not None


async def number(connection: AsyncConnection) -> bool:
    """Give the oldest committed rows without a position the next positions. Returns whether there may be more.

    The lock on `feed` lets one transaction do this at a time. The rows are read after it is acquired, so they include
    everything that was committed before, and each position is visible before the next is given.
    """
    last = (await _lock(connection)).last
    unnumbered = select(commits.c.id, commits.c.size).where(commits.c.last_position.is_(None))
    rows = (await connection.execute(unnumbered.order_by(commits.c.id).limit(COMMITS_AT_ONCE))).all()
    if not rows:
        return False
    positions = list(accumulate((row.size for row in rows), initial=last))[1:]
    numbered = [{"commit": row.id, "last": last} for row, last in zip(rows, positions, strict=True)]
    await connection.execute(
        update(commits).where(commits.c.id == bindparam("commit")).values(last_position=bindparam("last")), numbered
    )
    await connection.execute(update(feed).values(last_position=positions[-1]))
    return len(rows) == COMMITS_AT_ONCE


async def extent(connection: AsyncConnection) -> Extent:
    return Extent(*(await connection.execute(_EXTENT)).one())


async def after(connection: AsyncConnection, position: int) -> list[tuple[int, Change]]:
    """The next changes after a position, each with its own: about `CHANGES_AT_ONCE`, from whole commits."""
    later = commits.c.last_position > position
    ends = select(commits.c.last_position).where(later).order_by(commits.c.last_position).limit(COMMITS_AT_ONCE)
    found = list((await connection.execute(ends)).scalars())
    if not found:
        return []
    last = max((end for end in found if end <= position + CHANGES_AT_ONCE), default=found[0])
    query = select(commits).where(later, commits.c.last_position <= last).order_by(commits.c.last_position)
    return [entry for row in await connection.execute(query) for entry in _numbered(row, position)]


async def prune(connection: AsyncConnection, before: datetime) -> int:
    """Delete the changes up to the last one that is older than `before`. Returns the number of rows."""
    await _lock(connection)  # two at once could set `pruned_to` back
    latest_expired = select(func.max(commits.c.last_position)).where(commits.c.at < before)
    last = (await connection.execute(latest_expired)).scalar_one()
    if last is None:
        return 0
    await connection.execute(update(feed).values(pruned_to=last))
    return (await connection.execute(delete(commits).where(commits.c.last_position <= last))).rowcount


def _numbered(row: Any, after: int) -> Iterator[tuple[int, Change]]:
    """The changes of a commit that come after a position."""
    first = row.last_position - row.size + 1
    skipped = max(after - first + 1, 0)
    entries = enumerate(row.changes[skipped:], start=first + skipped)
    return ((position, _from_entry(entry)) for position, entry in entries)


def _to_entry(change: Change) -> list[Any]:
    return [change.id, change.type, change.at, change.lead_id, change.data]


def _from_entry(entry: list[Any]) -> Change:
    change_id, kind, at, lead_id, data = entry
    return Change(UUID(change_id), kind, datetime.fromisoformat(at), UUID(lead_id) if lead_id else None, data)
