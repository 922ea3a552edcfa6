"""Signals over HTTP: how often each occurs over time or by page, as JSON or CSV."""

from typing import Annotated, Any, Literal

from fastapi import Query

from app.api.access import CurrentRuntime, Reader
from app.api.parameters import Limit
from app.api.reports import CSV_TOO, Accept, First, Last, csv_if_accepted
from app.api.routes import strict_router
from app.documents.periods import period
from app.documents.signals import PagesDocument, SeriesDocument
from app.services.signals import Interval, read_pages, read_series

router = strict_router("/v1/signals", "insight", Reader, responses=CSV_TOO)


@router.get("/series", response_model=SeriesDocument | PagesDocument)
async def get_signal_series(
    runtime: CurrentRuntime,
    signal: Annotated[str, Query(max_length=64, description="A signal of the active model.")],
    first: First = None,
    last: Last = None,
    by: Literal[Interval, "page.path"] = "day",
    limit: Limit = 50,
    accept: Accept = "",
) -> Any:
    """How many people gave how many hits of a signal, by day, by week, or by page, those that bring most leads first.

    `limit` is the number of pages. With `Accept: text/csv`, the answer is a table.
    """
    now = runtime.clock()
    begin, end = period(first, last, now.date())
    document: SeriesDocument | PagesDocument
    if by == "page.path":
        pages = await read_pages(runtime.database, runtime.models, signal, begin, end, limit, now)
        document = PagesDocument.of(pages, signal, begin, end)
    else:
        series = await read_series(runtime.database, runtime.models, signal, begin, end, by, now)
        document = SeriesDocument.of(series, signal, begin, end, by)
    return csv_if_accepted(accept, document.rows()) or document
