"""Rejections over HTTP: refused messages and the reasons."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from app.api.access import CurrentRuntime, Reader
from app.api.cursors import read_cursor, write_cursor
from app.api.parameters import Cursor, Limit
from app.api.problems import REFUSALS
from app.api.routes import StrictRoute
from app.documents.parameters import Moment, Storable
from app.documents.rejections import RejectionCount, RejectionCounts, RejectionDocument, RejectionPage
from app.services import rejections as rejection_service
from app.services.rejections import RejectionFilter

QUERY = "rejections"

router = APIRouter(
    prefix="/v1/rejections",
    tags=["rejections"],
    route_class=StrictRoute,
    dependencies=[Reader],
    responses=REFUSALS,
)


Text = Annotated[str, Query(min_length=1, max_length=200), Storable]


def read_filter(
    code: Annotated[list[Text] | None, Query(description="Repeatable: any of these.")] = None,
    source: Annotated[Text | None, Query(description="The name of the key that the message came with.")] = None,
    since: Annotated[Moment | None, Query(alias="from", description="Received then or later.")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Received before that.")] = None,
    q: Annotated[Text | None, Query(description="The message's id or its event name.")] = None,
) -> RejectionFilter:
    wanted = rejection_service.matching(q) if q else RejectionFilter()
    return replace(wanted, codes=tuple(code or ()), source=source, since=since, until=until)


Wanted = Annotated[RejectionFilter, Depends(read_filter)]


@router.get("")
async def list_rejections(
    runtime: CurrentRuntime, wanted: Wanted, limit: Limit = 50, cursor: Cursor = None
) -> RejectionPage:
    """Messages refused in the last 30 days (LEADSCORE_REJECTIONS_DAYS), latest first."""
    query = (QUERY, wanted)
    (after,) = read_cursor(query, cursor, UUID) if cursor else (None,)
    page = await rejection_service.list_rejections(runtime.database, wanted, after, limit)
    more = write_cursor(query, [str(page.last.id)]) if page.last else None
    return RejectionPage(data=list(map(RejectionDocument.of, page.items)), next_cursor=more)


@router.get("/counts")
async def count_rejections(runtime: CurrentRuntime, wanted: Wanted) -> RejectionCounts:
    """How many messages were refused for each reason, the most frequent first."""
    counts = await rejection_service.count_rejections(runtime.database, wanted)
    data = [RejectionCount(code=code, count=count) for code, count in counts.items()]
    return RejectionCounts(data=data, next_cursor=None)
