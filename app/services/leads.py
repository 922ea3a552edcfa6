"""Lead queries: a person's scores and stage, now and in the past, and why. Every read evaluates the lead afresh."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import DamagedLead, NotFound
from app.scoring.engine import CompiledModel, Evaluation, evaluate
from app.scoring.events import Identity
from app.scoring.facts import day_of
from app.scoring.stages import Forecast, Standing, forecast, predict, settle, stage_of
from app.services.evaluation import each_up_to_date, up_to_date, yielding_to_event_loop
from app.services.failures import explained, explaining_damage, readable
from app.services.lookback import ScoreView, days_ahead, ends_of_days, look_back
from app.services.models import ActiveModels
from app.services.pages import Page, fetch_page
from app.storage import events as event_store
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import present as present_store
from app.storage import transitions as transition_store
from app.storage.db import Database
from app.storage.events import LoggedEvent
from app.storage.events import Position as EventPosition
from app.storage.leads import Lead, UnreadableLead
from app.storage.transitions import StoredTransition


@dataclass(frozen=True, slots=True)
class LeadView:
    """A lead as of a moment. `next_change` is the next change of stage if no more events arrive."""

    lead: Lead
    identities: Mapping[str, Sequence[str]]
    evaluation: Evaluation
    standing: Standing
    next_change: Forecast | None
    as_of: datetime

    @property
    def sales_ready(self) -> bool:
        return any(stage.sales_ready for stage in self.evaluation.model.stages if stage.name == self.standing.stage)


class Leads:
    """Queries about leads in one database."""

    def __init__(self, database: Database, models: ActiveModels) -> None:
        self._database = database
        self._models = models

    async def get(self, lead_id: UUID, now: datetime) -> LeadView:
        if current := await self._current(lead_id):
            return current.view(now)
        async with self._database.read() as connection:
            lead = await existing(connection, lead_id)
            views = await _views_of(connection, self._models, [lead], now)
        return _sound(views[lead.id])

    async def get_many(self, lead_ids: Collection[UUID], now: datetime) -> dict[UUID, LeadView]:
        """The leads with these ids, or those that they were merged into.

        Unknown ids are left out, and so are leads that can't be evaluated, which are logged.
        """
        async with self._database.read() as connection:
            survivors = await lead_store.survivors(connection, lead_ids)
            leads = await lead_store.get_each(connection, set(survivors.values()))
            views = await sound_views_of(connection, self._models, leads, now)
        by_id = {view.lead.id: view for view in views}
        return {lead_id: by_id[survivor] for lead_id, survivor in survivors.items() if survivor in by_id}

    async def get_by_identity(self, identity: Identity, now: datetime) -> LeadView:
        """Raises `NotFound` or `DamagedLead`."""
        if current := await self._current(identity):
            return current.view(now)
        (found,) = await self.lookup([identity], now)
        if found is None:
            raise unknown_lead(identity)
        return _sound(found)

    async def lookup(self, identities: Sequence[Identity], now: datetime) -> list[LeadView | DamagedLead | None]:
        """The lead of each identity, in the same order, or why it can't be evaluated; None if nobody has it."""
        async with self._database.read() as connection:
            links = await identity_store.find(connection, set(identities))
            leads = await lead_store.get_each(connection, set(links.values()))
            views = await _views_of(connection, self._models, leads, now)
        return [views.get(links[identity]) if identity in links else None for identity in identities]

    async def find(self, identity: Identity) -> UUID:
        """The id of the lead that has an identity. Raises `NotFound`."""
        async with self._database.read() as connection:
            return await find_lead(connection, identity)

    async def score(
        self, lead_id: UUID, as_of: datetime | None, now: datetime, version: int | None = None
    ) -> ScoreView:
        """Evaluate a lead now, or at `as_of`: by the model that was active and the events that were known then.

        `version`: use this version of the model instead. Raises `NotFound`.
        """
        is_current = version is None and (as_of is None or as_of >= now)
        if is_current and (current := await self._current(lead_id)):
            return _scored(current.model, current.lead, as_of or now, now)
        async with self._database.read() as connection:
            model = None if version is None else await self._models.version(connection, version)
            return await self._score(connection, lead_id, as_of, now, model)

    async def score_by(self, lead_id: UUID, model: CompiledModel, as_of: datetime | None, now: datetime) -> ScoreView:
        """The same by a model that may not be stored. Raises `NotFound`."""
        async with self._database.read() as connection:
            return await self._score(connection, lead_id, as_of, now, model)

    async def history(
        self, lead_id: UUID, first: date, last: date, now: datetime, version: int | None = None
    ) -> list[ScoreView]:
        """The evaluation at the end of each day, from the first on which the lead was known. For today: as of now.

        For days to come: if nothing more happens.
        """
        async with self._database.read() as connection:
            lead = await existing(connection, lead_id)
            model = None if version is None else await self._models.version(connection, version)
            moments = ends_of_days(first, last, now)
            with explaining_damage():
                past = await look_back(connection, self._models, lead_id, moments, model) if moments else []
            if last <= now.date():
                return past
            today = await self._score_with_present_facts(connection, lead, now, now, model)
        return past + await asyncio.to_thread(days_ahead, today, first, last)

    async def events(self, lead_id: UUID, after: EventPosition | None, limit: int) -> Page[LoggedEvent]:
        async with self._database.read() as connection:
            lead = await existing(connection, lead_id)
            return await fetch_page(lambda count: event_store.page(connection, lead.id, after, count), limit)

    async def explained_events(
        self, lead_id: UUID, after: EventPosition | None, limit: int, now: datetime
    ) -> tuple[Page[LoggedEvent], Evaluation]:
        """The same, with the lead's present evaluation."""
        async with self._database.read() as connection:
            lead = await existing(connection, lead_id)
            page = await fetch_page(lambda count: event_store.page(connection, lead.id, after, count), limit)
            return page, (await self._score_with_present_facts(connection, lead, now, now, None)).evaluation

    async def transitions(self, lead_id: UUID, after: UUID | None, limit: int) -> Page[StoredTransition]:
        async with self._database.read() as connection:
            lead = await existing(connection, lead_id)
            return await fetch_page(lambda count: transition_store.page(connection, lead.id, after, count), limit)

    async def _score(
        self,
        connection: AsyncConnection,
        lead_id: UUID,
        as_of: datetime | None,
        now: datetime,
        model: CompiledModel | None,
    ) -> ScoreView:
        lead = await existing(connection, lead_id)
        if as_of is None or as_of >= now:
            return await self._score_with_present_facts(connection, lead, as_of or now, now, model)
        with explaining_damage():
            past = await look_back(connection, self._models, lead_id, [as_of], model)
        if not past:
            raise NotFound(f"Nothing was known about lead {lead_id} at that moment. Choose a later one.")
        return past[0]

    async def _score_with_present_facts(
        self, connection: AsyncConnection, lead: Lead, moment: datetime, now: datetime, model: CompiledModel | None
    ) -> ScoreView:
        """The lead's evaluation now or at a later moment."""
        model = model or await self._models.active(connection)
        with explaining_damage():
            current = await up_to_date(connection, self._models, model, {lead.id: lead})
        return _scored(model, current[lead.id], moment, now)

    async def _current(self, wanted: UUID | Identity) -> "_Current | None":
        """A lead that was last evaluated by the active model, from a single query. None for any other."""
        with explaining_damage():
            async with self._database.read_once() as connection:
                found = await present_store.get(connection, wanted)
        if found is None or found.lead.model_version != found.active_version:
            return None
        model = self._models.known(found.active_version)
        return _Current(model, found.lead, found.identities) if model else None


class _Current(NamedTuple):
    """A lead whose facts are those of this model, and its identities as they are stored."""

    model: CompiledModel
    lead: Lead
    identities: Sequence[str]

    def view(self, now: datetime) -> LeadView:
        return _view(self.model, self.lead, identity_store.by_kind(self.identities), now)


async def existing(connection: AsyncConnection, lead_id: UUID) -> Lead:
    """The lead with this id, or the one that it was merged into. Raises `NotFound` or `DamagedLead`."""
    with explaining_damage():
        lead = await lead_store.get(connection, lead_id)
    if lead is None:
        raise unknown_lead(lead_id)
    return lead


async def find_lead(connection: AsyncConnection, wanted: UUID | Identity) -> UUID:
    """The id of the lead with this id or identity, or of the one that it was merged into. Raises `NotFound`."""
    if isinstance(wanted, Identity):
        found = (await identity_store.find(connection, [wanted])).get(wanted)
    else:
        found = (await lead_store.survivors(connection, [wanted])).get(wanted)
    if found is None:
        raise unknown_lead(wanted)
    return found


def unknown_lead(wanted: UUID | Identity) -> NotFound:
    if isinstance(wanted, Identity):
        return NotFound(f"No lead has this {wanted.kind}. Look for another identity of the same person.")
    return NotFound(f"There is no lead {wanted}. Look it up by an identity, such as the person's email address.")


async def sound_views_of(
    connection: AsyncConnection, models: ActiveModels, leads: Collection[Lead | UnreadableLead], now: datetime
) -> list[LeadView]:
    """The leads as of now, by the active model, without those that can't be evaluated, which are logged."""
    views = await _views_of(connection, models, leads, now)
    return [view for view in views.values() if isinstance(view, LeadView)]


async def _views_of(
    connection: AsyncConnection, models: ActiveModels, leads: Collection[Lead | UnreadableLead], now: datetime
) -> dict[UUID, LeadView | DamagedLead]:
    """The same by their ids, with an error for each lead that can't be evaluated."""
    model = await models.active(connection)
    found = await each_up_to_date(connection, models, model, leads)
    views: dict[UUID, LeadView | DamagedLead] = {
        each.lead_id: explained(each) for each in found if isinstance(each, UnreadableLead)
    }
    sound = readable(found)
    identities = await identity_store.of_leads(connection, [lead.id for lead in sound])
    async for lead in yielding_to_event_loop(sound):
        try:
            views[lead.id] = _view(model, lead, identities[lead.id], now)
        except DamagedLead as error:
            views[lead.id] = error
    return views


def _sound(view: LeadView | DamagedLead) -> LeadView:
    """Raises `DamagedLead`."""
    if isinstance(view, DamagedLead):
        raise view
    return view


def _scored(model: CompiledModel, lead: Lead, moment: datetime, now: datetime) -> ScoreView:
    """The evaluation now or at a later moment."""
    with explaining_damage(lead.id):
        evaluation = evaluate(model, lead.facts, now)
        stage = stage_of(evaluation, lead.standing.stage)
        if moment.date() > now.date():
            evaluation, stage = predict(evaluation, stage, day_of(moment))
    return ScoreView(lead.id, evaluation, stage, moment)


def _view(model: CompiledModel, lead: Lead, identities: Mapping[str, Sequence[str]], now: datetime) -> LeadView:
    with explaining_damage(lead.id):
        evaluation = evaluate(model, lead.facts, now)
        standing, _ = settle(evaluation, lead.standing, now, "time")
        is_forecast = standing == lead.standing and lead.is_forecast_by(model.version, now)
        change = lead.next_change if is_forecast else forecast(evaluation, standing.stage)
    return LeadView(lead, identities, evaluation, standing, change, now)


__all__ = [
    "EventPosition",
    "LeadView",
    "Leads",
    "LoggedEvent",
    "ScoreView",
    "StoredTransition",
    "existing",
    "find_lead",
    "sound_views_of",
    "unknown_lead",
]
