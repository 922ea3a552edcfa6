"""Lists of leads over HTTP: pages, counts, and all that match as CSV."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse

from app.api.access import CurrentRuntime, Reader
from app.api.cursors import finite, moment, read_cursor, write_cursor
from app.api.parameters import Cursor, Limit
from app.api.reports import CSV, CSV_TOO, Accept
from app.api.routes import strict_router
from app.api.thresholds import score_limits
from app.documents.identities import read_email
from app.documents.lead_lists import LeadCountsDocument, LeadPage, ListedLead, columns, row
from app.documents.parameters import Day, Moment
from app.documents.tables import csv_header, csv_lines
from app.errors import ValidationFailed
from app.protocol.searches import Search, read_search
from app.scoring.sources import Channel
from app.services.lead_lists import LeadQuery, Position
from app.services.leads import LeadView
from app.validation.numbers import AsWholeNumber

MAX_REASONS = 10

router = strict_router("/v1/leads", "leads", Reader)


async def read_filters(
    q: Annotated[
        str | None,
        Query(max_length=200, description="The beginning of an identity; `@acme` is that of an email domain."),
    ] = None,
    stage: Annotated[list[str] | None, Query(description="Repeatable: any of these.")] = None,
    min_score: Annotated[list[str] | None, Query(description="`engagement:40`. Repeatable: all of these.")] = None,
    max_score: Annotated[list[str] | None, Query(description="As `min_score`.")] = None,
    source: Annotated[Channel | None, Query(description="The channel of the first touch.")] = None,
    email: str | None = None,
    account: Annotated[UUID | None, Query(description="The id of an account: only its leads.")] = None,
    updated_after: Annotated[
        Moment | None, Query(description="Not for polling, which would miss changes: use `/v1/changes`.")
    ] = None,
    seen_after: Annotated[Day | None, Query(description="Last seen on this day in UTC, or later.")] = None,
    stage_since_after: Annotated[
        Day | None, Query(description="In their stage since this day in UTC, or later.")
    ] = None,
    next_change_before: Annotated[
        Day | None, Query(description="Leads that will change stage before this day in UTC if nothing more happens.")
    ] = None,
    sales_ready: bool | None = None,
) -> LeadQuery:
    """The filters that lists and counts share."""
    return LeadQuery(
        stages=stage,
        min_scores=score_limits("min_score", min_score, max) if min_score else None,
        max_scores=score_limits("max_score", max_score, min) if max_score else None,
        channel=source,
        email=read_email(email) if email is not None else None,
        account=account,
        search=_search(q) if q is not None else None,
        updated_after=updated_after,
        seen_from=seen_after,
        stage_since_from=stage_since_after,
        next_change_before=next_change_before,
        sales_ready=sales_ready,
    )


Filters = Annotated[LeadQuery, Depends(read_filters)]


@router.get("", response_model=LeadPage, responses=CSV_TOO)
async def list_leads(
    runtime: CurrentRuntime,
    filters: Filters,
    sort: Annotated[
        str, Query(description="`last_seen_at`, `stage_since`, a score's name, or `next_change`, the soonest first.")
    ] = "last_seen_at",
    reasons: Annotated[
        int, Query(ge=0, le=MAX_REASONS, description="How many reasons to give for each score."), AsWholeNumber
    ] = 0,
    limit: Limit = 50,
    cursor: Cursor = None,
    accept: Accept = "",
) -> Any:
    """Leads, filtered and sorted by their stored evaluation; each is shown as of now.

    With `Accept: text/csv`, the answer is a table of all leads that match; `limit` and `cursor` are ignored.
    """
    query = replace(filters, sort=sort)
    if CSV in accept:
        return await _table(runtime, query, reasons)
    after = Position(*read_cursor(query, cursor, _kind_of(sort), UUID)) if cursor else None
    views, end = await runtime.lead_lists.page(query, after, limit, runtime.clock())
    more = write_cursor(query, [_written(end.value), str(end.lead_id)]) if end is not None else None
    return LeadPage(data=[ListedLead.listed(view, reasons) for view in views], next_cursor=more)


@router.get("/counts")
async def count_leads(runtime: CurrentRuntime, filters: Filters) -> LeadCountsDocument:
    """How many leads match, by their stored stages."""
    return LeadCountsDocument.of(await runtime.lead_lists.count(filters, runtime.clock()))


# --- Filters ----------------------------------------------------------------------------------------------------


def _search(text: str) -> Search:
    search = read_search(text)
    if search is None:
        raise ValidationFailed("`q` must be the beginning of an identity, or an @ and that of an email domain.")
    return search


# --- Cursors ----------------------------------------------------------------------------------------------------

_KINDS: Mapping[str, Callable[[Any], Any]] = {
    "last_seen_at": lambda value: None if value is None else moment(value),
    "stage_since": moment,
    "next_change": date.fromisoformat,
}


def _kind_of(sort: str) -> Callable[[Any], Any]:
    """How a cursor's sort value is read."""
    return _KINDS.get(sort, finite)


def _written(value: date | float | None) -> str | float | None:
    return value.isoformat() if isinstance(value, date) else value


# --- Tables -----------------------------------------------------------------------------------------------------


async def _table(runtime: CurrentRuntime, query: LeadQuery, reasons: int) -> StreamingResponse:
    """All leads that match, read and sent page by page."""
    names = columns(await runtime.lead_lists.score_names(), reasons)
    pages = runtime.lead_lists.read_all(query, runtime.clock())
    first = await anext(pages)  # here, so that an invalid filter is an error answer

    def lines(views: Iterable[LeadView]) -> str:
        return csv_lines(names, (row(ListedLead.listed(view, reasons)) for view in views))

    async def text() -> AsyncIterator[str]:
        yield csv_header(names) + lines(first)
        async for views in pages:
            yield lines(views)

    return StreamingResponse(text(), media_type=CSV)
