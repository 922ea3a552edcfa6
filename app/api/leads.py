"""Leads over HTTP: their stage, the reasons for it, and their history."""

from datetime import date, timedelta
from typing import Annotated, Self
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field

from app.api.access import Admin, CurrentRuntime, Reader
from app.api.cursors import moment, read_cursor, write_cursor
from app.api.identities import AskedIdentity, identity_kind, identity_value
from app.api.parameters import Cursor, Limit
from app.api.routes import strict_router
from app.documents.identities import IdentityDocument, IdentityPage, WantedIdentities, read_all
from app.documents.leads import (
    EventDocument,
    EventPage,
    History,
    HistoryDay,
    LeadDocument,
    ScoreDocument,
    TransitionDocument,
    TransitionPage,
)
from app.documents.parameters import Day, Moment, Version
from app.errors import DamagedLead, ValidationFailed
from app.scoring.events import Identity
from app.services.erasure import erase_person
from app.services.lead_identities import read_lead_identities
from app.services.leads import EventPosition, LeadView
from app.services.runtime import Runtime

DEFAULT_DAYS = 30
MAX_HISTORY_DAYS = 366


class Lookup(BaseModel):
    identities: WantedIdentities


class LookupFault(BaseModel):
    """The same code and message as in the 500 for this lead."""

    code: str = Field(examples=[DamagedLead.code])
    message: str


class Found(BaseModel):
    """An identity from the request, with its lead: null if nobody has it, or if `error` says why it can't be shown."""

    identity: dict[str, str]
    lead: LeadDocument | None
    error: LookupFault | None

    @classmethod
    def of(cls, identity: Identity, found: LeadView | DamagedLead | None) -> Self:
        named = {identity.kind: identity.value}
        if isinstance(found, DamagedLead):
            return cls(identity=named, lead=None, error=LookupFault(code=found.code, message=found.detail))
        return cls(identity=named, lead=LeadDocument.of(found) if found else None, error=None)


class LookupAnswer(BaseModel):
    """In the order of the request."""

    data: list[Found]


Suppress = Annotated[bool, Query(description="Whether to drop later events of the same identities.")]

router = strict_router("/v1/leads", "leads", Reader)


@router.get("/lookup")
async def look_up_lead(runtime: CurrentRuntime, wanted: AskedIdentity) -> LeadDocument:
    """The lead that has this identity."""
    identity = wanted.read(runtime.settings.phone_region)
    return LeadDocument.of(await runtime.leads.get_by_identity(identity, runtime.clock()))


@router.delete("/lookup", status_code=204, dependencies=[Admin])
async def erase_lead_by_identity(runtime: CurrentRuntime, wanted: AskedIdentity, suppress: Suppress = False) -> None:
    """Erase the lead that has this identity, as `DELETE /v1/leads/{lead_id}` does."""
    await _erase(runtime, wanted.read(runtime.settings.phone_region), suppress=suppress)


@router.delete("/{lead_id}", status_code=204, dependencies=[Admin])
async def erase_lead_by_id(runtime: CurrentRuntime, lead_id: UUID, suppress: Suppress = False) -> None:
    """Delete everything that is stored of a lead, and of the leads that were merged into it. It can't be undone."""
    await _erase(runtime, lead_id, suppress=suppress)


async def _erase(runtime: Runtime, wanted: UUID | Identity, *, suppress: bool) -> None:
    suppressions = runtime.suppressions if suppress else None
    await erase_person(runtime.database, runtime.models, wanted, runtime.clock(), suppressions)


@router.post("/lookup")
async def look_up_leads(runtime: CurrentRuntime, wanted: Lookup) -> LookupAnswer:
    """The leads that have these identities, up to 500. One that can't be evaluated has an `error`, not the others."""
    identities = read_all(wanted.identities, runtime.settings.phone_region)
    found = await runtime.leads.lookup(identities, runtime.clock())
    return LookupAnswer(data=list(map(Found.of, identities, found)))


@router.get("/{lead_id}")
async def get_lead(runtime: CurrentRuntime, lead_id: UUID) -> LeadDocument:
    """One lead. The id of a lead that was merged returns the lead it was merged into."""
    return LeadDocument.of(await runtime.leads.get(lead_id, runtime.clock()))


AskedModel = Annotated[Version | None, Query(description="The version of the model to evaluate with.")]


@router.get("/{lead_id}/score")
async def get_lead_score(
    runtime: CurrentRuntime, lead_id: UUID, as_of: Moment | None = None, model: AskedModel = None
) -> ScoreDocument:
    """The evaluation, with every point explained: now, as served in the past, or in the future if nothing more happens.

    For a time in the past, the model, the identities and the events known at that time are used.
    """
    return ScoreDocument.of_lead(await runtime.leads.score(lead_id, as_of, runtime.clock(), model))


@router.get("/{lead_id}/history")
async def get_lead_history(
    runtime: CurrentRuntime,
    lead_id: UUID,
    first: Annotated[
        Day | None, Query(alias="from", description="The first day. Default: 29 days before `to` or today.")
    ] = None,
    last: Annotated[
        Day | None, Query(alias="to", description="The last day, at most 366 days ahead. Default: today.")
    ] = None,
    model: AskedModel = None,
) -> History:
    """The scores and the stage per UTC day, as served at the end of the day; for today, as of now.

    Days to come are as they will be if nothing more happens.
    """
    now = runtime.clock()
    begin, end = _history_days(first, last, now.date())
    views = await runtime.leads.history(lead_id, begin, end, now, model)
    return History(data=[HistoryDay.of(view, now) for view in views], next_cursor=None)


def _history_days(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """The first and the last day. By default the 30 days up to `to`, or up to today if that is earlier."""
    end = last or today
    latest = min(end, today)
    begin = first or latest - min(latest - date.min, timedelta(DEFAULT_DAYS - 1))
    if end - today > timedelta(MAX_HISTORY_DAYS):
        raise ValidationFailed(f"`to` must not be more than {MAX_HISTORY_DAYS} days ahead.")
    if not timedelta(0) <= end - begin < timedelta(MAX_HISTORY_DAYS):
        raise ValidationFailed(
            f"`from` must not be after `to` (by default today), and must be within {MAX_HISTORY_DAYS} days of it."
        )
    return begin, end


@router.get("/{lead_id}/events")
async def list_lead_events(
    runtime: CurrentRuntime,
    lead_id: UUID,
    explain: Annotated[
        bool, Query(description="Also the signals that each event hits, and what it gives now.")
    ] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> EventPage:
    """The person's events, latest first."""
    after = event_position(lead_id, cursor)
    if explain:
        page, evaluation = await runtime.leads.explained_events(lead_id, after, limit, runtime.clock())
        events = [EventDocument.explained(logged, evaluation) for logged in page.items]
    else:
        page = await runtime.leads.events(lead_id, after, limit)
        events = list(map(EventDocument.of, page.items))
    last = page.last.event if page.last else None
    more = write_cursor(("events", lead_id), [last.occurred_at.isoformat(), str(last.id)]) if last else None
    return EventPage(data=events, next_cursor=more)


def event_position(lead_id: UUID, cursor: str | None) -> EventPosition | None:
    """The event that a page of a lead's events follows, None for the first page."""
    return EventPosition(*read_cursor(("events", lead_id), cursor, moment, UUID)) if cursor else None


@router.get("/{lead_id}/identities")
async def list_lead_identities(
    runtime: CurrentRuntime, lead_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> IdentityPage:
    """What the person is known by: since when, from which source, and from which merged lead."""
    query = ("identities", lead_id)
    after = Identity(*read_cursor(query, cursor, identity_kind, identity_value)) if cursor else None
    page = await read_lead_identities(runtime.database, lead_id, after, limit)
    more = write_cursor(query, list(page.last.identity)) if page.last else None
    return IdentityPage(data=list(map(IdentityDocument.of, page.items)), next_cursor=more)


@router.get("/{lead_id}/transitions")
async def list_lead_transitions(
    runtime: CurrentRuntime, lead_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> TransitionPage:
    """Every change of stage, latest first."""
    query = ("transitions", lead_id)
    (after,) = read_cursor(query, cursor, UUID) if cursor else (None,)
    page = await runtime.leads.transitions(lead_id, after, limit)
    more = write_cursor(query, [str(page.last.id)]) if page.last else None
    return TransitionPage(data=list(map(TransitionDocument.of, page.items)), next_cursor=more)
