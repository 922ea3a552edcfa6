"""Lead queries: a person's scores and stage, now and in the past, and why. Every read evaluates the lead afresh."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import DamagedLead, NotFound
from app.scoring.engine import CompiledModel, Evaluation, evaluate
from app.scoring.events import Identity
from app.scoring.facts import day_of
from app.scoring.stages import Forecast, Standing, forecast, predict, settle, stage_of
from app.services.evaluation import up_to_date, yielding_to_event_loop
from app.services.failures import explaining_damage
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
from app.storage.leads import Lead
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
            model, lead, keys = current
            return _view(model, lead, identity_store.by_kind(keys), now)
        async with self._database.read() as connection:
            lead = await existing(connection, lead_id)
            return (await views_of(connection, self._models, [lead], now))[0]

    async def get_many(self, lead_ids: Collection[UUID], now: datetime) -> dict[UUID, LeadView]:
        """The leads with these ids, or those that they were merged into. Unknown ids are left out."""
        async with self._database.read() as connection:
            survivors = await lead_store.survivors(connection, lead_ids)
            leads = await lead_store.get_many(connection, set(survivors.values()))
            views = await views_of(connection, self._models, list(leads.values()), now)
        by_id = {view.lead.id: view for view in views}
        return {lead_id: by_id[survivor] for lead_id, survivor in survivors.items()}

    async def lookup(self, identities: Sequence[Identity], now: datetime) -> list[LeadView | None]:
        """The lead of each identity, in the same order; None for an unknown identity."""
        async with self._database.read() as connection:
            links = await identity_store.find(connection, set(identities))
            with explaining_damage():
                leads = await lead_store.get_many(connection, set(links.values()))
            views = await views_of(connection, self._models, list(leads.values()), now)
        by_id = {view.lead.id: view for view in views}
        return [by_id.get(links[identity]) if identity in links else None for identity in identities]

    async def find(self, identity: Identity) -> UUID:
        """The id of the lead that has an identity. Raises `NotFound`."""
        async with self._database.read() as connection:
            found = await identity_store.find(connection, [identity])
        if not found:
            raise unknown_lead(identity)
        return found[identity]

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
        past = await look_back(connection, self._models, lead_id, [as_of], model)
        if not past:
            msg = f"Nothing was known about lead {lead_id} at that moment. Choose a later one."
            raise NotFound(msg)
        return past[0]

    async def _score_with_present_facts(
        self, connection: AsyncConnection, lead: Lead, moment: datetime, now: datetime, model: CompiledModel | None
    ) -> ScoreView:
        """The lead's evaluation now or at a later moment."""
        model = model or await self._models.active(connection)
        current = await up_to_date(connection, self._models, model, {lead.id: lead})
        return _scored(model, current[lead.id], moment, now)

    async def _current(self, lead_id: UUID) -> "_Current | None":
        """A lead that was last evaluated by the active model, from a single query. None for any other."""
        with explaining_damage():
            async with self._database.read_once() as connection:
                found = await present_store.get(connection, lead_id)
        if found is None or found.lead.model_version != found.active_version:
            return None
        model = self._models.known(found.active_version)
        return _Current(model, found.lead, found.identities) if model else None


class _Current(NamedTuple):
    """A lead whose facts are those of this model, and its identities as they are stored."""

    model: CompiledModel
    lead: Lead
    identities: Sequence[str]


async def existing(connection: AsyncConnection, lead_id: UUID) -> Lead:
    """The lead with this id, or the one that it was merged into. Raises `NotFound` or `DamagedLead`."""
    with explaining_damage():
        lead = await lead_store.get(connection, lead_id)
    if lead is None:
        raise unknown_lead(lead_id)
    return lead


def unknown_lead(wanted: UUID | Identity) -> NotFound:
    if isinstance(wanted, Identity):
        return NotFound(f"No lead has this {wanted.kind}. Look for another identity of the same person.")
    return NotFound(f"There is no lead {wanted}. Look it up by an identity, such as the person's email address.")


async def views_of(
    connection: AsyncConnection, models: ActiveModels, leads: Collection[Lead], now: datetime
) -> list[LeadView]:
    """The leads as of now, by the active model. Raises `DamagedLead`."""
    return [view() async for view in _views(connection, models, leads, now)]


async def sound_views_of(
    connection: AsyncConnection, models: ActiveModels, leads: Collection[Lead], now: datetime
) -> list[LeadView]:
    """The same without the leads that can't be evaluated, which are logged."""
    found = []
    async for view in _views(connection, models, leads, now):
        with suppress(DamagedLead):
            found.append(view())
    return found


async def _views(
    connection: AsyncConnection, models: ActiveModels, leads: Collection[Lead], now: datetime
) -> AsyncIterator[Callable[[], LeadView]]:
    """Yield a function for each lead, which may raise `DamagedLead`."""
    model = await models.active(connection)
    current = await up_to_date(connection, models, model, {lead.id: lead for lead in leads})
    identities = await identity_store.of_leads(connection, list(current))
    async for lead in yielding_to_event_loop(current.values()):
        yield partial(_view, model, lead, identities[lead.id], now)


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
    "sound_views_of",
    "views_of",
]
