"""Retracting: working through retractions, chunk by chunk, each a transaction, while ingestion goes on.

A chunk is of events, and evaluates their leads. Events that can't be subtracted from a lead, because something of them
prevailed, are left to a second pass: then few are left, and the lead is rebuilt once instead of for every chunk. The
events of a lead that can't be evaluated are left as they are, and the retraction stays unfinished.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.metrics import Metrics
from app.scoring.engine import CompiledModel
from app.scoring.events import Event, Identity
from app.scoring.facts import Facts, merge, subtract
from app.scoring.history import fold
from app.services.evaluation import EvaluatedLead, StageMoves, evaluated, stage_moves, up_to_date
from app.services.failures import ChunkFailed, Chunks, SetAside, naming_leads, naming_owner, readable
from app.services.groups import refold_groups
from app.services.history import fold_leads
from app.services.models import ActiveModels
from app.services.saving import save
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import retractions as retraction_store
from app.storage.db import Conflict, Database
from app.storage.event_filters import EventFilter, filter_from_json
from app.storage.events import LONGEST_WRITE
from app.storage.identities import Link
from app.storage.leads import Lead
from app.storage.retractions import Retraction

CLAIM = timedelta(seconds=10)
CHUNK_EVENTS = 500

OnChunk = Callable[[int, StageMoves], bool]
"""Called with a chunk's number of events and its changes of stage; returns whether to continue."""


async def work_off(
    database: Database,
    models: ActiveModels,
    owner: UUID,
    clock: Callable[[], datetime],
    on_chunk: OnChunk,
    chunk: int = CHUNK_EVENTS,
    *,
    set_aside: SetAside | None = None,
) -> None:
    """Work through all pending retractions, or until `on_chunk` says to stop.

    `set_aside`: the leads to skip; those that can't be evaluated are added to them.
    """
    worker = _Worker(database, models, owner, clock, chunk, set_aside or SetAside(Metrics()))
    while (retraction := await worker.next()) is not None:
        if not await _work_through(worker, retraction, on_chunk):
            return


@dataclass(frozen=True, slots=True)
class _Worker:
    """A process that works through retractions."""

    database: Database
    models: ActiveModels
    owner: UUID
    clock: Callable[[], datetime]
    chunk: int
    set_aside: SetAside

    async def next(self) -> Retraction | None:
        """The oldest pending retraction that has more left than the leads that were set aside."""
        async with self.database.read() as connection:
            pending = readable(await retraction_store.pending(connection, self.clock()))
        return next((each for each in pending if not self.set_aside.is_left(_work(each))), None)

    async def filter_of(self, retraction: Retraction) -> EventFilter:
        """The filter, which means the identities that its lead had when the retraction was created.

        The lead may have been merged or split since.
        """
        wanted = filter_from_json(retraction.filter)
        if wanted.lead_id is None:
            return wanted
        async with self.database.read() as connection:
            links = await identity_store.links_of_leads(connection, [wanted.lead_id])
        keys = {str(link.identity) for link in _links_at(links, retraction.created_at)}
        return replace(wanted, lead_id=None, identities=sorted(keys))


def _work(retraction: Retraction) -> tuple[UUID, str]:
    """What leads are set aside for: undoing a retraction tries them again."""
    return retraction.id, retraction.state


class _Step(NamedTuple):
    """A chunk: how many events it took back or restored, its changes of stage, and its last event.

    `last` is None after the last chunk.
    """

    events: int
    moves: StageMoves
    last: Event | None


async def _work_through(worker: _Worker, retraction: Retraction, on_chunk: OnChunk) -> bool:
    """Returns False if it was stopped, or another process holds the claim."""
    wanted = await worker.filter_of(retraction)
    chunks, after, rebuilds = Chunks(worker.chunk), None, retraction.state == "undoing"
    while True:
        try:
            step = await _take_step(worker, retraction, wanted, after, chunks.size, rebuilds=rebuilds)
        except (Conflict, ChunkFailed) as error:
            chunks.recover(error, worker.set_aside, _work(retraction))
            continue
        if step is None:
            return False
        chunks.succeeded()
        if step.last is None and after is None:
            return True
        rebuilds = rebuilds or step.last is None
        after = step.last  # at the end, start over: an event may have been stored behind this point
        if step.events and not on_chunk(step.events, step.moves):
            return False


async def _take_step(
    worker: _Worker,
    retraction: Retraction,
    wanted: EventFilter,
    after: Event | None,
    limit: int,
    *,
    rebuilds: bool,
) -> _Step | None:
    """The next chunk. None if another process holds the claim. Raises `ChunkFailed`."""
    now, without = worker.clock(), worker.set_aside.of(_work(retraction))
    with naming_leads() as lead_ids:
        async with worker.database.write() as connection:
            if not await retraction_store.claim(connection, retraction, worker.owner, now, now + CLAIM):
                return None
            async with naming_owner(connection):
                found = await _next_events(connection, retraction, wanted, after, limit, without)
            if not found:
                if after is None:
                    await _conclude(connection, worker, retraction, now)
                return _Step(0, (), None)
            owners = await identity_store.find(connection, {event.identities[0] for event in found})
            lead_ids.extend(set(owners.values()))
            owned = await _lock_owners(connection, worker.models, found)
            taken = found if rebuilds else _without_prevailing(owned, found, worker.chunk)
            changed = await _mark(connection, retraction, taken, now) if taken else []
            await refold_groups(connection, {event.group_id for event in changed if event.group_id})
            results = await _evaluate(connection, owned, retraction, changed, now)
            await save(connection, results, now)
    return _Step(len(taken), stage_moves(results), found[-1])


async def _next_events(
    connection: AsyncConnection,
    retraction: Retraction,
    wanted: EventFilter,
    after: Event | None,
    limit: int,
    without: Collection[UUID],
) -> list[Event]:
    if retraction.state == "undoing":
        return await retraction_store.next_retracted(connection, retraction.id, limit, without)
    return await retraction_store.next_matching(connection, retraction, wanted, after, limit, without)


def _links_at(links: Collection[Link], moment: datetime) -> list[Link]:
    """A lead's links at a moment or, if it had none, the last ones.

    A merge that was committed after the moment, but began before, has moved all of the lead's identities.
    """
    last = max((link.until for link in links if link.until is not None), default=None)
    return [link for link in links if link.covers(moment)] or [link for link in links if link.until == last]


async def _conclude(connection: AsyncConnection, worker: _Worker, retraction: Retraction, now: datetime) -> None:
    """Record that the retraction is complete, or remember that only leads that were set aside are left of it.

    Until everything that was received in time has been committed, it is postponed instead.
    """
    all_committed_at = _covers_until(retraction) + LONGEST_WRITE
    if retraction.state == "retracting" and now < all_committed_at:
        await retraction_store.postpone(connection, retraction, all_committed_at)
    elif worker.set_aside.of(_work(retraction)):
        worker.set_aside.leave(_work(retraction))
    else:
        await retraction_store.finish(connection, retraction, now)


def _covers_until(retraction: Retraction) -> datetime:
    return filter_from_json(retraction.filter).received_before or retraction.created_at


class _Owned(NamedTuple):
    """The locked leads of some events, with their facts as the active model counts them, by the identities."""

    model: CompiledModel
    links: Mapping[Identity, UUID]
    leads: Mapping[UUID, Lead]

    def lead_of(self, event: Event) -> Lead:
        return self.leads[self.links[event.identities[0]]]


async def _lock_owners(connection: AsyncConnection, models: ActiveModels, found: Sequence[Event]) -> _Owned:
    """Call this before the events change: signals are recounted from those that count."""
    links, before = await lead_store.lock_owners(connection, {event.identities[0] for event in found})
    model = await models.active(connection)  # after locking: no locked lead can have a newer version
    return _Owned(model, links, await up_to_date(connection, models, model, before))


def _without_prevailing(owned: _Owned, found: Sequence[Event], limit: int) -> list[Event]:
    """The events without those that prevail in leads with more than `limit` events, which take long to rebuild."""

    def is_left(event: Event) -> bool:
        facts = owned.lead_of(event).facts
        return facts.event_count > limit and subtract(facts, owned.model.facts_of(event)) is None

    return [event for event in found if not is_left(event)]


async def _mark(
    connection: AsyncConnection, retraction: Retraction, found: Sequence[Event], now: datetime
) -> list[Event]:
    """Let events no longer count, or count again. Returns those that were not changed already."""
    change = retraction_store.restore if retraction.state == "undoing" else retraction_store.retract
    changed = await change(connection, retraction.id, [event.id for event in found], now)
    return [event for event in found if event.id in changed]


async def _evaluate(
    connection: AsyncConnection, owned: _Owned, retraction: Retraction, changed: Sequence[Event], now: datetime
) -> list[EvaluatedLead]:
    """The leads of these events, evaluated without them, or with them again."""
    model = owned.model
    events: dict[UUID, list[Event]] = {}
    for event in changed:
        events.setdefault(owned.lead_of(event).id, []).append(event)
    parts = {lead_id: fold(model, theirs) for lead_id, theirs in events.items()}
    whole = {lead_id: owned.leads[lead_id].facts for lead_id in parts}
    if retraction.state == "undoing":
        facts = {lead_id: merge([whole[lead_id], part]) for lead_id, part in parts.items()}
    else:
        facts = await _subtracted(connection, model, whole, parts)
    return [
        evaluated(model, lead_id, owned.leads[lead_id], each, now, cause="retraction")
        for lead_id, each in facts.items()
    ]


async def _subtracted(
    connection: AsyncConnection, model: CompiledModel, whole: Mapping[UUID, Facts], parts: Mapping[UUID, Facts]
) -> dict[UUID, Facts]:
    """The facts of each lead without a part. Where they can't be subtracted, the lead is rebuilt from its events."""
    subtracted = {lead_id: subtract(whole[lead_id], part) for lead_id, part in parts.items()}
    entangled = [lead_id for lead_id, facts in subtracted.items() if facts is None]
    rebuilt = await _rebuilt(connection, model, entangled)
    return {lead_id: rebuilt[lead_id] if facts is None else facts for lead_id, facts in subtracted.items()}


async def _rebuilt(connection: AsyncConnection, model: CompiledModel, lead_ids: Collection[UUID]) -> dict[UUID, Facts]:
    return await fold_leads(connection, model, await identity_store.by_lead(connection, lead_ids))
