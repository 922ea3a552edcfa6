"""Signals over HTTP: how often each occurs over time, as JSON or CSV."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.api.access import CurrentRuntime, Reader
from app.api.problems import REFUSALS
from app.api.reports import CSV_TOO, Accept, First, Last, csv_if_accepted
from app.api.routes import StrictRoute
from app.documents.periods import period
from app.documents.signals import SeriesDocument
from app.services.signals import Interval, read_series

router = APIRouter(
    prefix="/v1/signals",
    tags=["insight"],
    route_class=StrictRoute,
    dependencies=[Reader],
    responses=REFUSALS | CSV_TOO,
)


@router.get("/series", response_model=SeriesDocument)
async def get_signal_series(
    runtime: CurrentRuntime,
    signal: Annotated[str, Query(max_length=64, description="A signal of the active model.")],
    first: First = None,
    last: Last = None,
    by: Interval = "day",
    accept: Accept = "",
) -> Any:
    """How many people gave how many hits of a signal, by day or week.

    With `Accept: text/csv`, the answer is a table.
    """
    now = runtime.clock()
    begin, end = period(first, last, now.date())
    series = await read_series(runtime.database, runtime.models, signal, begin, end, by, now)
    document = SeriesDocument.of(series, signal, begin, end, by)
    return csv_if_accepted(accept, document.rows()) or document
