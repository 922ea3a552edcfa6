"""Lead queries: a person's scores and stage, now and in the past, and why. Every read evaluates the lead afresh."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import NotFound, ValidationFailed
from app.scoring.engine import CompiledModel, Evaluation, evaluate
from app.scoring.events import Identity
from app.scoring.stages import Forecast, Standing, forecast, settle, stage_of
from app.services.evaluation import up_to_date, yielding_to_event_loop
from app.services.lookback import ScoreView, ends_of_days, look_back
from app.services.models import ActiveModels
from app.services.pages import Page, fetch_page
from app.services.publications import Publications
from app.storage import events as event_store
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import transitions as transition_store
from app.storage.db import Database
from app.storage.events import LoggedEvent
from app.storage.events import Position as EventPosition
from app.storage.leads import Lead, LeadFilter, Position
from app.storage.transitions import StoredTransition
from app.validation.faults import Fault


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


@dataclass(frozen=True, slots=True)
class LeadQuery:
    """Which leads to list. They are sorted by `sort_score`, or by when they were last seen."""

    stages: Sequence[str] | None = None
    min_scores: Mapping[str, float] | None = None
    channel: str | None = None
    email: str | None = None
    updated_after: datetime | None = None
    sales_ready: bool | None = None
    sort_score: str | None = None


class Leads:
    """Queries about leads in one database."""

    def __init__(self, database: Database, models: ActiveModels) -> None:
        self._database = database
        self._models = models

    async def get(self, lead_id: UUID, now: datetime) -> LeadView:
        async with self._database.read() as connection:
            lead = await _existing(connection, lead_id)
            return (await self._views(connection, [lead], now))[0]

    async def lookup(self, identities: Sequence[Identity], now: datetime) -> list[LeadView | None]:
        """The lead of each identity, in the same order; None for an unknown identity."""
        async with self._database.read() as connection:
            links = await identity_store.find(connection, set(identities))
            leads = await lead_store.get_many(connection, set(links.values()))
            views = await self._views(connection, list(leads.values()), now)
        by_id = {view.lead.id: view for view in views}
        return [by_id.get(links[identity]) if identity in links else None for identity in identities]

    async def page(
        self, query: LeadQuery, after: Position | None, limit: int, now: datetime
    ) -> tuple[list[LeadView], Position | None]:
        """A page of leads and the position at which it ends, None on the last page.

        Filtering and sorting use the stored evaluation. Leads that no longer match when evaluated now are left out, so
        a page may hold fewer than `limit` leads.
        """
        async with self._database.read() as connection:
            model = await self._models.active(connection)
            _check_names(model, query)
            lead_filter = await _filter(connection, model, query)
            stored = await self._by_stored_names(connection, lead_filter)
            page = await fetch_page(
                lambda count: lead_store.page(connection, stored, query.sort_score, after, count), limit
            )
            views = await self._views(connection, page.items, now)
        end = _position(page.last, query.sort_score) if page.last else None
        return [view for view in views if _still_matches(view, lead_filter)], end

    async def score(
        self, lead_id: UUID, as_of: datetime | None, now: datetime, version: int | None = None
    ) -> ScoreView:
        """Evaluate a lead now, or at `as_of`: by the model that was active and the events that were known then.

        `version`: use this version of the model instead. Raises `NotFound`.
        """
        async with self._database.read() as connection:
            lead = await _existing(connection, lead_id)
            model = None if version is None else await self._models.version(connection, version)
            if as_of is None or as_of >= now:
                return await self._score_with_present_facts(connection, lead, as_of or now, model)
            past = await look_back(connection, self._models, lead_id, [as_of], model)
        if not past:
            msg = f"Nothing was known about lead {lead_id} at that moment. Choose a later one."
            raise NotFound(msg)
        return past[0]

    async def history(
        self, lead_id: UUID, first: date, last: date, now: datetime, version: int | None = None
    ) -> list[ScoreView]:
        """The evaluation at the end of each day, from the first on which the lead was known. For today: as of now."""
        async with self._database.read() as connection:
            await _existing(connection, lead_id)
            model = None if version is None else await self._models.version(connection, version)
            moments = ends_of_days(first, last, now)
            if not moments:
                return []
            return await look_back(connection, self._models, lead_id, moments, model)

    async def events(self, lead_id: UUID, after: EventPosition | None, limit: int) -> Page[LoggedEvent]:
        async with self._database.read() as connection:
            lead = await _existing(connection, lead_id)
            return await fetch_page(lambda count: event_store.page(connection, lead.id, after, count), limit)

    async def transitions(self, lead_id: UUID, after: UUID | None, limit: int) -> Page[StoredTransition]:
        async with self._database.read() as connection:
            lead = await _existing(connection, lead_id)
            return await fetch_page(lambda count: transition_store.page(connection, lead.id, after, count), limit)

    async def _views(self, connection: AsyncConnection, leads: Collection[Lead], now: datetime) -> list[LeadView]:
        model = await self._models.active(connection)
        current = await up_to_date(connection, self._models, model, {lead.id: lead for lead in leads})
        identities = await identity_store.of_leads(connection, list(current))
        return [_view(model, lead, identities[lead.id], now) async for lead in yielding_to_event_loop(current.values())]

    async def _score_with_present_facts(
        self, connection: AsyncConnection, lead: Lead, moment: datetime, model: CompiledModel | None
    ) -> ScoreView:
        model = model or await self._models.active(connection)
        current = await up_to_date(connection, self._models, model, {lead.id: lead})
        evaluation = evaluate(model, current[lead.id].facts, moment)
        return ScoreView(lead.id, evaluation, stage_of(evaluation, current[lead.id].standing.stage), moment)

    async def _by_stored_names(self, connection: AsyncConnection, lead_filter: LeadFilter) -> LeadFilter:
        if lead_filter.stages is None:
            return lead_filter
        publications = await Publications.read(connection, self._models)
        return replace(lead_filter, stages=sorted(await publications.names_before(lead_filter.stages)))


async def _existing(connection: AsyncConnection, lead_id: UUID) -> Lead:
    lead = await lead_store.get(connection, lead_id)
    if lead is None:
        msg = f"There is no lead {lead_id}. Look one up by an identity at /v1/leads/lookup."
        raise NotFound(msg)
    return lead


def _view(model: CompiledModel, lead: Lead, identities: Mapping[str, Sequence[str]], now: datetime) -> LeadView:
    evaluation = evaluate(model, lead.facts, now)
    standing, _ = settle(evaluation, lead.standing, now, "time")
    return LeadView(lead, identities, evaluation, standing, forecast(evaluation, standing.stage), now)


def _check_names(model: CompiledModel, query: LeadQuery) -> None:
    """Raise `ValidationFailed` for a misspelt stage or score, which would otherwise give an empty list."""
    stages = [stage.name for stage in model.stages]
    faults = [
        Fault("stage", f"unknown stage; expected one of: {', '.join(stages)}")
        for name in query.stages or ()
        if name not in stages
    ]
    scores = [("min_score", name) for name in query.min_scores or ()]
    scores += [("sort", query.sort_score)] if query.sort_score is not None else []
    faults += [
        Fault(field, f"unknown score; expected one of: {', '.join(model.scores)}")
        for field, name in scores
        if name not in model.scores
    ]
    if faults:
        detail = "; ".join(map(str, faults))
        raise ValidationFailed(detail, tuple(faults))


async def _filter(connection: AsyncConnection, model: CompiledModel, query: LeadQuery) -> LeadFilter:
    stages = None if query.stages is None else set(query.stages)
    if query.sales_ready is not None:
        ready = {stage.name for stage in model.stages if stage.sales_ready is query.sales_ready}
        stages = ready if stages is None else stages & ready
    lead_ids = None
    if query.email is not None:
        lead_ids = list((await identity_store.find(connection, [Identity("email", query.email)])).values())
    return LeadFilter(
        stages=None if stages is None else sorted(stages),
        min_scores=query.min_scores,
        channel=query.channel,
        lead_ids=lead_ids,
        updated_after=query.updated_after,
    )


def _still_matches(view: LeadView, lead_filter: LeadFilter) -> bool:
    if lead_filter.stages is not None and view.standing.stage not in lead_filter.stages:
        return False
    return all(view.evaluation.values[name] >= minimum for name, minimum in (lead_filter.min_scores or {}).items())


def _position(lead: Lead, sort_score: str | None) -> Position:
    value: Any = lead.facts.last_seen_at if sort_score is None else lead.scores.get(sort_score, 0.0)
    return Position(value, lead.id)


__all__ = [
    "EventPosition",
    "LeadQuery",
    "LeadView",
    "Leads",
    "LoggedEvent",
    "Position",
    "ScoreView",
    "StoredTransition",
]
