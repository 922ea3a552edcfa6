"""Leads over HTTP: their stage, the reasons for it, and their history."""

import math
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.api.access import Admin, CurrentRuntime, Reader
from app.api.cursors import moment, read_cursor, write_cursor
from app.api.identities import WantedIdentity, identity_of, read_wanted
from app.api.parameters import Cursor, Limit
from app.api.problems import REFUSALS
from app.api.routes import StrictRoute
from app.documents.leads import (
    EventDocument,
    EventPage,
    History,
    HistoryDay,
    LeadDocument,
    LeadPage,
    ScoreDocument,
    TransitionDocument,
    TransitionPage,
)
from app.documents.parameters import Moment, Version
from app.errors import NotFound, ValidationFailed
from app.scoring.sources import Channel
from app.services.erasure import erase_lead
from app.services.leads import EventPosition, LeadQuery, Position

MAX_LOOKUPS = 500
DEFAULT_DAYS = 30
MAX_HISTORY_DAYS = 366


class Lookup(BaseModel):
    identities: Annotated[list[WantedIdentity], Field(min_length=1, max_length=MAX_LOOKUPS)]


class Found(BaseModel):
    """An identity from the request, with its lead: null if nobody has it."""

    identity: dict[str, str]
    lead: LeadDocument | None


class LookupAnswer(BaseModel):
    """In the order of the request."""

    data: list[Found]


Suppress = Annotated[bool, Query(description="Whether to drop later events of the same identities.")]

router = APIRouter(
    prefix="/v1/leads",
    tags=["leads"],
    route_class=StrictRoute,
    dependencies=[Reader],
    responses=REFUSALS,
)


@router.get("/lookup")
async def look_up_lead(
    runtime: CurrentRuntime,
    user_id: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    anonymous_id: str | None = None,
) -> LeadDocument:
    """The lead that has this identity."""
    wanted = WantedIdentity(user_id=user_id, email=email, phone=phone, anonymous_id=anonymous_id)
    identity = wanted.read(runtime.settings.phone_region)
    (view,) = await runtime.leads.lookup([identity], runtime.clock())
    if view is None:
        raise NotFound(f"No lead has this {identity.kind}.")
    return LeadDocument.of(view)


@router.delete("/lookup", status_code=204, dependencies=[Admin])
async def erase_lead_by_identity(
    runtime: CurrentRuntime,
    user_id: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    anonymous_id: str | None = None,
    suppress: Suppress = False,
) -> None:
    """Erase the lead that has this identity, as `DELETE /v1/leads/{lead_id}` does."""
    lead = await look_up_lead(runtime, user_id, email, phone, anonymous_id)
    await erase_lead(runtime.database, lead.id, runtime.clock(), runtime.suppressions if suppress else None)


@router.delete("/{lead_id}", status_code=204, dependencies=[Admin])
async def erase_lead_by_id(runtime: CurrentRuntime, lead_id: UUID, suppress: Suppress = False) -> None:
    """Delete everything that is stored of a lead, and of the leads that were merged into it. It can't be undone."""
    await erase_lead(runtime.database, lead_id, runtime.clock(), runtime.suppressions if suppress else None)


@router.post("/lookup")
async def look_up_leads(runtime: CurrentRuntime, wanted: Lookup) -> LookupAnswer:
    """The leads that have these identities, up to 500."""
    region = runtime.settings.phone_region
    identities = [read_wanted(index, item, region) for index, item in enumerate(wanted.identities)]
    views = await runtime.leads.lookup(identities, runtime.clock())
    pairs = zip(identities, views, strict=True)
    return LookupAnswer(
        data=[
            Found(identity={identity.kind: identity.value}, lead=LeadDocument.of(view) if view else None)
            for identity, view in pairs
        ]
    )


@router.get("")
async def list_leads(
    runtime: CurrentRuntime,
    stage: Annotated[list[str] | None, Query(description="Repeatable: any of these.")] = None,
    min_score: Annotated[list[str] | None, Query(description="`engagement:40`. Repeatable: all of these.")] = None,
    source: Annotated[Channel | None, Query(description="The channel of the first touch.")] = None,
    email: str | None = None,
    updated_after: Annotated[
        Moment | None, Query(description="Not for polling, which would miss changes: use `/v1/changes`.")
    ] = None,
    sales_ready: bool | None = None,
    sort: Annotated[str, Query(description="`last_seen_at` or the name of a score, highest first.")] = "last_seen_at",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> LeadPage:
    """Leads, filtered and sorted by their stored evaluation; each is shown as of now."""
    query = LeadQuery(
        stages=stage,
        min_scores=_min_scores(min_score) if min_score else None,
        channel=source,
        email=identity_of("email", email).value if email is not None else None,
        updated_after=updated_after,
        sales_ready=sales_ready,
        sort_score=None if sort == "last_seen_at" else sort,
    )
    kind = moment if query.sort_score is None else float
    after = Position(*read_cursor(query, cursor, kind, UUID)) if cursor else None
    views, end = await runtime.leads.page(query, after, limit, runtime.clock())
    next_cursor = None
    if end is not None:
        value = end.value.isoformat() if isinstance(end.value, datetime) else end.value
        next_cursor = write_cursor(query, [value, str(end.lead_id)])
    return LeadPage(data=list(map(LeadDocument.of, views)), next_cursor=next_cursor)


def _min_scores(texts: Iterable[str]) -> dict[str, float]:
    """The highest threshold of each score: all of them must be reached."""
    scores: dict[str, float] = {}
    for name, least in map(_min_score, texts):
        scores[name] = max(least, scores.get(name, least))
    return scores


def _min_score(text: str) -> tuple[str, float]:
    name, _, number = text.partition(":")
    try:
        least = float(number)
    except ValueError:
        least = math.nan
    if not math.isfinite(least):
        raise ValidationFailed("`min_score` must be a score's name and a number, such as engagement:40.")
    return name, least


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
        date | None, Query(alias="from", description="The first day. Default: 29 days before `to`.")
    ] = None,
    last: Annotated[date | None, Query(alias="to", description="The last day. Default: today.")] = None,
    model: AskedModel = None,
) -> History:
    """The scores and the stage per UTC day, as served at the end of the day; for today, as of now."""
    now = runtime.clock()
    to = min(last or now.date(), now.date())
    begin = first or to - min(to - date.min, timedelta(DEFAULT_DAYS - 1))
    if not timedelta(0) <= to - begin < timedelta(MAX_HISTORY_DAYS):
        raise ValidationFailed(
            f"`from` must not be after `to` or today, and must be within {MAX_HISTORY_DAYS} days of it."
        )
    views = await runtime.leads.history(lead_id, begin, to, now, model)
    return History(data=list(map(HistoryDay.of, views)), next_cursor=None)


@router.get("/{lead_id}/events")
async def list_lead_events(
    runtime: CurrentRuntime, lead_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> EventPage:
    """The person's events, latest first."""
    query = ("events", lead_id)
    after = EventPosition(*read_cursor(query, cursor, moment, UUID)) if cursor else None
    page = await runtime.leads.events(lead_id, after, limit)
    more = (
        write_cursor(query, [page.last.event.occurred_at.isoformat(), str(page.last.event.id)]) if page.last else None
    )
    return EventPage(data=list(map(EventDocument.of, page.items)), next_cursor=more)


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
