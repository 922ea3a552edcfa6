"""Signals over time: small charts on the funnel's page, and a page for each signal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.api.access import CurrentRuntime
from app.api.reports import First, Last
from app.api.signals import get_signal_series
from app.documents.signals import PagesDocument, SeriesDocument
from app.screen import plots
from app.screen.frames import CurrentFrame
from app.screen.funnel import is_enough
from app.screen.labels import title_of
from app.screen.pages import part_or_page
from app.screen.periods import Period, offered
from app.screen.routes import ScreenRoute
from app.services.signals import Interval, read_hits

WEEKS = 6
SHOWN = 8
PAGES_SHOWN = 10
PLOT_TOP, PLOT_BASE = 14, 172

router = APIRouter(prefix="/signals", route_class=ScreenRoute)


@dataclass(frozen=True, slots=True)
class Trend:
    """A signal in the last weeks. `change`: in percent, against as many weeks before; None if those had few hits."""

    name: str
    title: str
    hits: int
    change: float | None
    spark: plots.Spark


@router.get("")
async def show_signals(
    request: Request,
    frame: CurrentFrame,
    runtime: CurrentRuntime,
    every: Annotated[bool, Query(alias="all")] = False,
) -> Response:
    """The first eight signals of the model, or all; the last six weeks of each."""
    signals = dict(list(frame.model["signals"].items())[: None if every else SHOWN])
    today = frame.now.date()
    first = today - timedelta(weeks=2 * WEEKS) + timedelta(days=1)
    hits = await read_hits(runtime.database, runtime.models, list(signals), first, today)
    trends = [_trend(name, title_of(signal, name), hits[name]) for name, signal in signals.items()]
    missing = len(frame.model["signals"]) - len(trends)
    template = part_or_page(request, "signals")
    return frame.render(template, "funnel", trends=trends, missing=missing, weeks=WEEKS)


@router.get("/{name}")
async def show_signal(
    frame: CurrentFrame, runtime: CurrentRuntime, name: str, first: First = None, last: Last = None
) -> Response:
    today = frame.now.date()
    chosen = Period.of(first, last, today)
    series: SeriesDocument = await get_signal_series(runtime, name, chosen.first, chosen.last, _step(chosen))
    pages: PagesDocument = await get_signal_series(runtime, name, chosen.first, chosen.last, "page.path", PAGES_SHOWN)
    return frame.render(
        "signal.html",
        "funnel",
        name=name,
        title=title_of(frame.model["signals"][name], name),
        chosen=chosen,
        step=_step(chosen),
        offered=offered(today),
        points=series.points,
        plot=plots.stack([[point.hits] for point in series.points], top=PLOT_TOP, base=PLOT_BASE),
        hits=sum(point.hits for point in series.points),
        pages=pages,
        is_enough=is_enough,
    )


def _step(chosen: Period) -> Interval:
    """Weeks, or days if the period is short."""
    return "week" if chosen.days > WEEKS * 7 else "day"


def _trend(name: str, title: str, hits: Sequence[int]) -> Trend:
    """`hits`: day by day, in the last weeks and in as many before them."""
    before, now = hits[: WEEKS * 7], hits[WEEKS * 7 :]
    change = 100 * (sum(now) - sum(before)) / sum(before) if is_enough(sum(before)) else None
    return Trend(name, title, sum(now), change, plots.spark(now))
