"""Retractions in storage: which events don't count, since when, and why."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.events import Event, Identity
from app.scoring.history import Gap
from app.storage.event_filters import EventFilter
from app.storage.events import COUNTS, READ, event_of_row, not_of_leads
from app.storage.identities import parse_identity
from app.storage.queries import UnreadableRow, fetch_each_as, fetch_first, latest_first
from app.storage.sql import any_of_values
from app.storage.tables import events, identities, retracted_events, retractions

RetractionState = Literal["retracting", "retracted", "undoing", "undone"]
PENDING: tuple[RetractionState, ...] = ("retracting", "undoing")


@dataclass(frozen=True, slots=True)
class Retraction:
    """Events that somebody took back. `filter`: the fields of an `EventFilter` that are set, as JSON."""

    id: UUID
    reason: str
    filter: Mapping[str, Any]
    state: RetractionState
    created_at: datetime
    created_by: str
    undone_at: datetime | None = None
    undone_by: str | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Extent:
    """How many events are affected, and of how many leads."""

    events: int
    leads: int


_BY_NOBODY = retractions.c.claimed_by == retractions.c.id
"""A claim of the retraction itself, so that no process has it."""

_COLUMNS = [column for column in retractions.c if not column.name.startswith("claimed")]


# --- Retractions ------------------------------------------------------------------------------------------------


async def add(connection: AsyncConnection, retraction: Retraction) -> None:
    await connection.execute(insert(retractions), [asdict(retraction)])


async def get(connection: AsyncConnection, retraction_id: UUID) -> Retraction | None:
    return await fetch_first(connection, select(*_COLUMNS).where(retractions.c.id == retraction_id), Retraction)


async def page(connection: AsyncConnection, after: UUID | None, limit: int) -> list[Retraction | UnreadableRow]:
    """The latest first."""
    query = latest_first(select(*_COLUMNS), retractions.c.id, after, limit)
    return await fetch_each_as(connection, retractions, query, Retraction)


async def pending(connection: AsyncConnection, now: datetime) -> list[Retraction | UnreadableRow]:
    """The oldest first, without those that are postponed."""
    is_postponed = and_(_BY_NOBODY, retractions.c.claimed_until > now)
    query = select(*_COLUMNS).where(retractions.c.state.in_(PENDING), is_postponed.is_not(true()))
    return await fetch_each_as(connection, retractions, query.order_by(retractions.c.id), Retraction)


async def claim(
    connection: AsyncConnection, retraction: Retraction, owner: UUID, now: datetime, until: datetime
) -> bool:
    """Claim a retraction, or renew our claim. Returns False if it is another's, or has another state by now."""
    is_free = or_(
        retractions.c.claimed_by.is_(None), retractions.c.claimed_by == owner, retractions.c.claimed_until <= now
    )
    ours = and_(retractions.c.id == retraction.id, retractions.c.state == retraction.state, is_free)
    claimed = update(retractions).where(ours).values(claimed_by=owner, claimed_until=until)
    return (await connection.execute(claimed)).rowcount == 1


async def finish(connection: AsyncConnection, retraction: Retraction, now: datetime) -> None:
    """Record that no event is left. The ids of messages, which clients choose, are not kept any longer."""
    state: RetractionState = "undone" if retraction.state == "undoing" else "retracted"
    kept = {name: value for name, value in retraction.filter.items() if name != "message_ids"}
    values = {"state": state, "finished_at": now, "filter": kept, "claimed_by": None, "claimed_until": None}
    await connection.execute(update(retractions).where(retractions.c.id == retraction.id).values(values))


async def postpone(connection: AsyncConnection, retraction: Retraction, until: datetime) -> None:
    """Let no process claim a retraction before a moment, unless it is undone."""
    values = {"claimed_by": retraction.id, "claimed_until": until}
    await connection.execute(update(retractions).where(retractions.c.id == retraction.id).values(values))


async def begin_undoing(connection: AsyncConnection, retraction_id: UUID, now: datetime, undone_by: str) -> None:
    """Nothing changes if it is being undone already."""
    is_in_force = and_(retractions.c.id == retraction_id, retractions.c.undone_at.is_(None))
    values = {"state": "undoing", "undone_at": now, "undone_by": undone_by, "finished_at": None}
    values |= {"claimed_by": None, "claimed_until": None}
    await connection.execute(update(retractions).where(is_in_force).values(values))


# --- Their events -----------------------------------------------------------------------------------------------


async def count(connection: AsyncConnection, wanted: EventFilter) -> Extent:
    """How many events that count the filter matches."""
    query = select(*_EXTENT).select_from(_OWNED).where(wanted.condition(), COUNTS)
    return Extent(*(await connection.execute(query)).one())


async def count_retracted(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Extent]:
    """How many events each of these retractions has taken back so far, and has not restored."""
    its_id = retracted_events.c.retraction_id
    query = select(its_id, *_EXTENT).select_from(
        _OWNED.join(retracted_events, retracted_events.c.event_id == events.c.id)
    )
    still = any_of_values(its_id, ids), retracted_events.c.restored_at.is_(None)
    found = dict.fromkeys(ids, Extent(0, 0))
    rows = await connection.execute(query.where(*still).group_by(its_id))
    return found | {retraction_id: Extent(*extent) for retraction_id, *extent in rows}


_OWNED = events.join(identities, identities.c.identity == events.c.identity)
_EXTENT = func.count(), func.count(identities.c.lead_id.distinct())


async def affected_leads(connection: AsyncConnection, wanted: EventFilter, limit: int) -> list[UUID]:
    """Leads with events that the filter matches, in the order of their ids."""
    query = select(identities.c.lead_id).select_from(_OWNED).where(wanted.condition(), COUNTS)
    return list((await connection.execute(query.distinct().order_by(identities.c.lead_id).limit(limit))).scalars())


async def next_matching(
    connection: AsyncConnection,
    retraction: Retraction,
    wanted: EventFilter,
    after: Event | None,
    limit: int,
    without: Collection[UUID],
) -> list[Event]:
    """The next events for a retraction to take back, in the order of an index: those of a lead together.

    These count, and its filter `wanted` matches them. `without`: leads whose events are left out.
    """
    order = (events.c.identity, events.c.occurred_at, events.c.id)
    is_wanted = (wanted.condition(), COUNTS, ~_is_of_earlier(retraction), *not_of_leads(without))
    query = select(*READ).where(*is_wanted).order_by(*order).limit(limit)
    if after is not None:
        query = query.where(tuple_(*order) > (str(after.identities[0]), after.occurred_at, after.id))
    return [event_of_row(row) for row in await connection.execute(query)]


def _is_of_earlier(retraction: Retraction) -> ColumnElement[bool]:
    """Whether an earlier retraction that was in force when this one was created took an event back.

    It may have been undone since. Then the event counts again, whether or not this one is complete by that time.
    """
    earlier = retractions.alias("earlier")
    in_force = or_(earlier.c.undone_at.is_(None), earlier.c.undone_at > retraction.created_at)
    taken = select(earlier.c.id).join(retracted_events, retracted_events.c.retraction_id == earlier.c.id)
    return taken.where(retracted_events.c.event_id == events.c.id, earlier.c.id < retraction.id, in_force).exists()


async def next_retracted(
    connection: AsyncConnection, retraction_id: UUID, limit: int, without: Collection[UUID]
) -> list[Event]:
    """Some of the events that a retraction still takes back. `without`: as above."""
    ours = select(*READ).select_from(events).join(retracted_events, retracted_events.c.event_id == events.c.id)
    still = (retracted_events.c.retraction_id == retraction_id, retracted_events.c.restored_at.is_(None))
    query = ours.where(*still, *not_of_leads(without)).order_by(events.c.identity, events.c.id).limit(limit)
    rows = await connection.execute(query)
    return [event_of_row(row) for row in rows]


async def retract(connection: AsyncConnection, retraction_id: UUID, ids: Collection[UUID], now: datetime) -> set[UUID]:
    """Let those of these events that still count no longer count. Returns their ids."""
    is_counted = and_(any_of_values(events.c.id, ids), COUNTS)
    marked = update(events).where(is_counted).values(retraction_id=retraction_id).returning(events.c.id)
    found = set((await connection.execute(marked)).scalars())
    rows = [{"retraction_id": retraction_id, "event_id": each, "retracted_at": now} for each in sorted(found)]
    if rows:
        await connection.execute(insert(retracted_events), rows)
    return found


async def restore(connection: AsyncConnection, retraction_id: UUID, ids: Collection[UUID], now: datetime) -> set[UUID]:
    """Let those of these events that this retraction takes back count again. Returns their ids."""
    is_ours = and_(any_of_values(events.c.id, ids), events.c.retraction_id == retraction_id)
    restored = update(events).where(is_ours).values(retraction_id=None).returning(events.c.id)
    found = set((await connection.execute(restored)).scalars())
    theirs = and_(retracted_events.c.retraction_id == retraction_id, any_of_values(retracted_events.c.event_id, found))
    await connection.execute(update(retracted_events).where(theirs).values(restored_at=now))
    return found


class EventGap(NamedTuple):
    """A time in which an event under an identity did not count."""

    event_id: UUID
    identity: Identity
    gap: Gap


async def gaps(connection: AsyncConnection, wanted: Collection[Identity]) -> list[EventGap]:
    """Those of all events under these identities."""
    times = (retracted_events.c.retracted_at, retracted_events.c.restored_at)
    query = select(events.c.id, events.c.identity, *times).join(
        retracted_events, retracted_events.c.event_id == events.c.id
    )
    rows = await connection.execute(query.where(any_of_values(events.c.identity, map(str, wanted))))
    return [EventGap(event_id, parse_identity(identity), Gap(*gap)) for event_id, identity, *gap in rows]
