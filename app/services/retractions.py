"""Retractions: events that turn out to be wrong stop counting, and count again if the retraction is undone.

A retraction is a row that any process may work through, chunk by chunk, each a transaction, while ingestion goes on.
Events stay in the log, so that a message sent again remains a duplicate, and looking back gives what was served.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.errors import NotFound
from app.scoring.engine import CompiledModel
from app.scoring.events import Event
from app.scoring.facts import Facts, merge, subtract
from app.scoring.history import fold
from app.services.evaluation import EvaluatedLead, StageMoves, evaluated, stage_moves, up_to_date
from app.services.groups import refold_groups
from app.services.history import fold_leads
from app.services.models import ActiveModels
from app.services.pages import Page, fetch_page
from app.services.saving import save
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import retractions as retraction_store
from app.storage.db import Conflict, Database
from app.storage.event_filters import EventFilter
from app.storage.leads import Lead
from app.storage.retractions import Extent, Retraction, RetractionState

CLAIM = timedelta(seconds=10)
CHUNK_EVENTS = 500
MAX_EFFECTS = 200
"""How many leads a dry run evaluates."""

OnChunk = Callable[[int, StageMoves], bool]
"""Called with a chunk's number of events and its changes of stage; returns whether to continue."""


class RetractionView(NamedTuple):
    """A retraction, and how many events it keeps from counting at the moment."""

    retraction: Retraction
    extent: Extent


@dataclass(frozen=True, slots=True)
class Plan:
    """What a retraction would do: to how many events and leads, and to each of the first `MAX_EFFECTS` leads."""

    extent: Extent
    effects: Sequence[EvaluatedLead]


class Retractions:
    """The retractions of one database."""

    def __init__(self, database: Database, models: ActiveModels, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._models = models
        self._clock = clock

    async def plan(self, wanted: EventFilter, *, evaluates: bool = True) -> Plan:
        """A dry run. Unless it `evaluates` the leads, it only counts."""
        async with self._database.read() as connection:
            extent = await retraction_store.count(connection, wanted)
            limit = MAX_EFFECTS if evaluates else 0
            lead_ids = await retraction_store.affected_leads(connection, wanted, limit)
            leads = await lead_store.get_many(connection, lead_ids)
            return Plan(extent, await _without(connection, self._models, leads, wanted, self._clock()))

    async def create(self, wanted: EventFilter, reason: str, created_by: str) -> RetractionView:
        """Record it. A worker does the rest. It covers events received until now."""
        now = self._clock()
        until = min(wanted.received_before or now, now)
        retraction = Retraction(
            id=uuid7(),
            reason=reason,
            filter=_to_json(replace(wanted, received_before=until)),
            state="retracting",
            created_at=now,
            created_by=created_by,
            undone_at=None,
            undone_by=None,
            finished_at=None,
        )
        async with self._database.write() as connection:
            await retraction_store.add(connection, retraction)
        return RetractionView(retraction, Extent(0, 0))

    async def undo(self, retraction_id: UUID, undone_by: str) -> RetractionView:
        """Let the events count again. A worker does it. Nothing changes if it is being undone. Raises `NotFound`."""
        async with self._database.write() as connection:
            await retraction_store.begin_undoing(connection, retraction_id, self._clock(), undone_by)
        return await self.get(retraction_id)

    async def get(self, retraction_id: UUID) -> RetractionView:
        async with self._database.read() as connection:
            found = await retraction_store.get(connection, retraction_id)
            if found is None:
                msg = f"There is no retraction {retraction_id}. /v1/retractions lists the existing ones."
                raise NotFound(msg)
            return RetractionView(found, await retraction_store.count_retracted(connection, retraction_id))

    async def page(self, after: UUID | None, limit: int) -> Page[RetractionView]:
        """The latest first."""
        async with self._database.read() as connection:
            page = await fetch_page(lambda count: retraction_store.page(connection, after, count), limit)
            views = [
                RetractionView(each, await retraction_store.count_retracted(connection, each.id)) for each in page.items
            ]
        return Page(views, views[-1] if page.last else None)


def _to_json(wanted: EventFilter) -> dict[str, Any]:
    return {name: value for name, value in asdict(wanted).items() if value is not None}


def _from_json(stored: Mapping[str, Any]) -> EventFilter:
    times = {
        name: datetime.fromisoformat(stored[name]) for name in ("received_from", "received_before") if name in stored
    }
    lead_id = {"lead_id": UUID(stored["lead_id"])} if "lead_id" in stored else {}
    return EventFilter(**{**stored, **times, **lead_id})


async def _without(
    connection: AsyncConnection, models: ActiveModels, leads: Mapping[UUID, Lead], wanted: EventFilter, now: datetime
) -> list[EvaluatedLead]:
    """The leads as they would be if the events that the filter matches did not count."""
    model = await models.active(connection)
    current = await up_to_date(connection, models, model, leads)
    facts = await fold_leads(connection, model, await identity_store.by_lead(connection, list(leads)), unless=wanted)
    return [
        evaluated(model, lead_id, lead, facts[lead_id], now, cause="retraction") for lead_id, lead in current.items()
    ]


# --- Working through one ----------------------------------------------------------------------------------------


async def work_off(
    database: Database,
    models: ActiveModels,
    owner: UUID,
    clock: Callable[[], datetime],
    on_chunk: OnChunk,
    chunk: int = CHUNK_EVENTS,
) -> None:
    """Work through all pending retractions, or until `on_chunk` says to stop."""
    while (retraction := await _next(database)) is not None:
        if not await _work_through(_Worker(database, models, owner, clock, chunk), retraction, on_chunk):
            return


async def _next(database: Database) -> Retraction | None:
    async with database.read() as connection:
        return await retraction_store.oldest_pending(connection)


@dataclass(frozen=True, slots=True)
class _Worker:
    """A process that works through retractions."""

    database: Database
    models: ActiveModels
    owner: UUID
    clock: Callable[[], datetime]
    chunk: int


class _Step(NamedTuple):
    """A chunk: its changes of stage, and its last event. None after the last chunk."""

    events: int
    moves: StageMoves
    last: Event | None


async def _work_through(worker: _Worker, retraction: Retraction, on_chunk: OnChunk) -> bool:
    """Returns False if it was stopped, or another process holds the claim."""
    after: Event | None = None
    while True:
        try:
            step = await _take_step(worker, retraction, after)
        except Conflict:
            continue
        if step is None:
            return False
        if step.last is None and after is None:
            return True
        after = step.last  # at the end, start over: an event may have been stored behind this point
        if step.events and not on_chunk(step.events, step.moves):
            return False


async def _take_step(worker: _Worker, retraction: Retraction, after: Event | None) -> _Step | None:
    """The next chunk. None if another process holds the claim."""
    now, models = worker.clock(), worker.models
    async with worker.database.write() as connection:
        if not await retraction_store.claim(connection, retraction, worker.owner, now, now + CLAIM):
            return None
        found = await _next_events(connection, retraction, after, worker.chunk)
        if not found and after is None:
            await retraction_store.finish(connection, retraction, now)
        if not found:
            return _Step(0, (), None)
        results = await _changed(connection, models, retraction, found, now)
        await save(connection, results, now)
    return _Step(len(found), stage_moves(results), found[-1])


async def _next_events(
    connection: AsyncConnection, retraction: Retraction, after: Event | None, limit: int
) -> list[Event]:
    if retraction.state == "undoing":
        return await retraction_store.next_retracted(connection, retraction.id, limit)
    return await retraction_store.next_matching(connection, _from_json(retraction.filter), after, limit)


async def _changed(
    connection: AsyncConnection, models: ActiveModels, retraction: Retraction, found: Sequence[Event], now: datetime
) -> list[EvaluatedLead]:
    """The leads of these events, evaluated without them, or with them again."""
    links, before = await lead_store.lock_owners(connection, {event.identities[0] for event in found})
    model = await models.active(connection)  # after locking: no locked lead can have a newer version
    # Before the events change: signals are recounted from those that count.
    current = await up_to_date(connection, models, model, before)
    change = retraction_store.restore if retraction.state == "undoing" else retraction_store.retract
    changed = await change(connection, retraction.id, [event.id for event in found], now)
    events: dict[UUID, list[Event]] = {}
    for event in found:
        if event.id in changed:
            events.setdefault(links[event.identities[0]], []).append(event)
    await refold_groups(connection, {event.group_id for event in found if event.id in changed and event.group_id})
    parts = {lead_id: fold(model, theirs) for lead_id, theirs in events.items()}
    whole = {lead_id: current[lead_id].facts for lead_id in parts}
    if retraction.state == "undoing":
        facts = {lead_id: merge([whole[lead_id], part]) for lead_id, part in parts.items()}
    else:
        facts = await _subtracted(connection, model, whole, parts)
    return [
        evaluated(model, lead_id, current[lead_id], each, now, cause="retraction") for lead_id, each in facts.items()
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


__all__ = [
    "EvaluatedLead",
    "EventFilter",
    "Extent",
    "Plan",
    "Retraction",
    "RetractionState",
    "RetractionView",
    "Retractions",
    "work_off",
]
