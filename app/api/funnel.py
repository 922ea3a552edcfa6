"""The funnel and the sources over HTTP, as JSON or CSV."""

from typing import Annotated, Any

from fastapi import Query

from app.api.access import CurrentRuntime, Reader
from app.api.parameters import Limit
from app.api.reports import CSV_TOO, Accept, First, Last, csv_if_accepted
from app.api.routes import strict_router
from app.documents.funnel import FunnelDocument, SourcesDocument
from app.documents.periods import period
from app.services.funnel import Cohort, FunnelGroup, SourceField, read_funnel, read_sources

router = strict_router("/v1", "insight", Reader, responses=CSV_TOO)


@router.get("/funnel", response_model=FunnelDocument)
async def get_funnel(
    runtime: CurrentRuntime,
    first: First = None,
    last: Last = None,
    by: Annotated[FunnelGroup | None, Query(description="Also a funnel for each of these.")] = None,
    limit: Limit = 50,
    accept: Accept = "",
) -> Any:
    """The leads first seen in a period: how many reached each stage, how long it took, and where they are now.

    `limit`: how many channels or sources are shown apart, the largest first. With `Accept: text/csv`, the answer is a
    table.
    """
    now = runtime.clock()
    cohort = Cohort(*period(first, last, now.date()), limit)
    view = await read_funnel(runtime.database, runtime.models, cohort, by, now)
    document = FunnelDocument.of(view, by)
    return csv_if_accepted(accept, document.rows()) or document


@router.get("/sources", response_model=SourcesDocument)
async def list_sources(
    runtime: CurrentRuntime,
    first: First = None,
    last: Last = None,
    by: Annotated[SourceField, Query(description="What of the first touch to distinguish.")] = "channel",
    limit: Limit = 50,
    accept: Accept = "",
) -> Any:
    """The visitors first seen in a period by where they came from, and how many became leads, qualified and customers.

    Each rate has its 95 % interval. With `Accept: text/csv`, the answer is a table.
    """
    now = runtime.clock()
    cohort = Cohort(*period(first, last, now.date()), limit)
    view = await read_sources(runtime.database, runtime.models, cohort, by, now)
    document = SourcesDocument.of(view, by)
    return csv_if_accepted(accept, document.rows()) or document
