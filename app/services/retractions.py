"""Retractions: events that turn out to be wrong stop counting, and count again if the retraction is undone.

A retraction is a row that any process may work through (see `retracting`). Events stay in the log, so that a message
sent again remains a duplicate, and looking back gives what was served.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.errors import NotFound
from app.scoring.facts import Facts
from app.services.evaluation import EvaluatedLead, each_up_to_date, evaluated
from app.services.failures import readable
from app.services.history import fold_each
from app.services.leads import find_lead
from app.services.models import ActiveModels
from app.services.pages import Page, fetch_page
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import retractions as retraction_store
from app.storage.db import Database
from app.storage.event_filters import EventFilter, filter_to_json
from app.storage.leads import Lead, UnreadableLead
from app.storage.retractions import Extent, Retraction, RetractionState

MAX_EFFECTS = 200
"""How many leads a dry run evaluates."""


class RetractionView(NamedTuple):
    """A retraction, and how many events it keeps from counting at the moment."""

    retraction: Retraction
    extent: Extent


@dataclass(frozen=True, slots=True)
class Plan:
    """What a retraction would do: to how many events and leads, and to each of the first `MAX_EFFECTS` leads.

    The effects leave out leads that can't be read, whose events a retraction doesn't touch.
    """

    extent: Extent
    effects: Sequence[EvaluatedLead]


class Retractions:
    """The retractions of one database."""

    def __init__(self, database: Database, models: ActiveModels, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._models = models
        self._clock = clock

    async def count(self, wanted: EventFilter) -> Extent:
        """How much a retraction would take back. Raises `NotFound` for an unknown lead."""
        async with self._database.read() as connection:
            wanted = await _of_survivor(connection, wanted)
            return await retraction_store.count(connection, wanted)

    async def plan(self, wanted: EventFilter) -> Plan:
        """A dry run. Raises `NotFound` for an unknown lead."""
        async with self._database.read() as connection:
            wanted = await _of_survivor(connection, wanted)
            extent = await retraction_store.count(connection, wanted)
            lead_ids = await retraction_store.affected_leads(connection, wanted, MAX_EFFECTS)
            leads = await lead_store.get_each(connection, lead_ids)
            return Plan(extent, await _without(connection, self._models, leads, wanted, self._clock()))

    async def create(self, wanted: EventFilter, reason: str, created_by: str) -> RetractionView:
        """Record it. A worker does the rest. It covers events received until now that count now.

        Raises `NotFound` for an unknown lead.
        """
        async with self._database.write() as connection:
            wanted = await _of_survivor(connection, wanted)
            now = self._clock()  # read the clock last, so that the lead's links began before
            until = min(wanted.received_before or now, now)
            retraction = Retraction(
                id=uuid7(),
                reason=reason,
                filter=filter_to_json(replace(wanted, received_before=until)),
                state="retracting",
                created_at=now,
                created_by=created_by,
            )
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
                raise NotFound(f"There is no retraction {retraction_id}: list the retractions to see which exist.")
            (view,) = await _views(connection, [found])
        return view

    async def page(self, after: UUID | None, limit: int) -> Page[RetractionView]:
        """The latest first."""
        async with self._database.read() as connection:
            page = await fetch_page(lambda count: retraction_store.page(connection, after, count), limit)
            views = await _views(connection, page.items)
        return Page(views, views[-1] if page.last else None)


async def _views(connection: AsyncConnection, found: Sequence[Retraction]) -> list[RetractionView]:
    extents = await retraction_store.count_retracted(connection, [each.id for each in found])
    return [RetractionView(each, extents[each.id]) for each in found]


async def _of_survivor(connection: AsyncConnection, wanted: EventFilter) -> EventFilter:
    """The filter with the id of the lead that its lead was merged into, if it was."""
    if wanted.lead_id is None:
        return wanted
    return replace(wanted, lead_id=await find_lead(connection, wanted.lead_id))


async def _without(
    connection: AsyncConnection,
    models: ActiveModels,
    leads: Collection[Lead | UnreadableLead],
    wanted: EventFilter,
    now: datetime,
) -> list[EvaluatedLead]:
    """The leads as they would be if the events that the filter matches did not count.

    Those that can't be read are left out.
    """
    model = await models.active(connection)
    current = readable(await each_up_to_date(connection, models, model, leads))
    identities = await identity_store.by_lead(connection, [lead.id for lead in current])
    folded = await fold_each(connection, model, identities, unless=wanted)
    readable(folded.values())
    facts = {lead_id: each for lead_id, each in folded.items() if isinstance(each, Facts)}
    return [
        evaluated(model, lead.id, lead, facts[lead.id], now, cause="retraction") for lead in current if lead.id in facts
    ]


__all__ = [
    "EventFilter",
    "Extent",
    "Plan",
    "RetractionState",
    "RetractionView",
    "Retractions",
]
