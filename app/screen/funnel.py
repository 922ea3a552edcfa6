"""The funnel: the questions of `GET /v1/funnel`, `/v1/sources` and `/v1/signals/series`, drawn."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from fastapi import APIRouter
from fastapi.responses import Response

from app.api.access import CurrentRuntime
from app.api.funnel import get_funnel, list_sources
from app.api.reports import First, Last
from app.documents.funnel import FunnelDocument, FunnelFigures, FunnelStage, SourcesDocument
from app.screen import plots
from app.screen.frames import CurrentFrame
from app.screen.periods import Period, offered
from app.screen.routes import ScreenRoute
from app.screen.stages import Ladder
from app.services.funnel import SourceField

MIN_LEADS = 20
"""With fewer leads, a rate says more about chance than about the funnel: only counts are shown."""

MAX_GROUPS = 200
MAX_SOURCES = 8
PLOT_TOP, PLOT_BASE = 14, 262

router = APIRouter(prefix="/funnel", route_class=ScreenRoute)


@router.get("")
async def show_funnel(
    frame: CurrentFrame,
    runtime: CurrentRuntime,
    first: First = None,
    last: Last = None,
    by: SourceField = "channel",
) -> Response:
    today = frame.now.date()
    chosen = Period.of(first, last, today)
    earlier = chosen.before()
    funnel: FunnelDocument = await get_funnel(runtime, chosen.first, chosen.last, "week", MAX_GROUPS)
    before: FunnelDocument = await get_funnel(runtime, earlier.first, earlier.last, "week", MAX_GROUPS)
    sources: SourcesDocument = await list_sources(runtime, chosen.first, chosen.last, by, MAX_SOURCES)
    return frame.render(
        "funnel.html",
        "funnel",
        chosen=chosen,
        offered=offered(today),
        by=by,
        funnel=funnel.total,
        tiles=list(_tiles(funnel.total, before.total, frame.stages)),
        rungs=list(_rungs(funnel.total)),
        weeks=_weeks(funnel),
        sources=sources,
        best_rate=max((each.qualified.rate or 0 for each in sources.sources if is_enough(each.visitors)), default=0),
        is_enough=is_enough,
    )


def is_enough(leads: int | None) -> bool:
    """Whether a rate of so many leads is worth showing."""
    return leads is not None and leads >= MIN_LEADS


@dataclass(frozen=True, slots=True)
class Rung:
    """A stage with its bar. `below` is how many leads reached the stage below it."""

    stage: FunnelStage
    bar: plots.Step
    below: int | None

    @property
    def conversion(self) -> float | None:
        return self.stage.conversion if is_enough(self.below) else None


def _rungs(funnel: FunnelFigures) -> Iterator[Rung]:
    counts = [stage.reached for stage in funnel.stages]
    for stage, bar, below in zip(funnel.stages, plots.steps(counts), [None, *counts[:-1]], strict=True):
        yield Rung(stage, bar, below)


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure at the top. `change`: against the period before, in `unit`; None where that had too few leads.

    `is_good`: whether a rise is welcome.
    """

    title: str
    value: str
    note: str
    change: float | None = None
    unit: str = "%"
    is_good: bool = True


def _tiles(funnel: FunnelFigures, before: FunnelFigures, looks: Ladder) -> Iterator[Tile]:
    stages, past = _by_name(funnel), _by_name(before)
    marked = _marked(funnel.stages, looks)
    for title, name in marked.items():
        yield Tile(title, f"{stages[name].reached:,}", looks[name].title, _growth(stages, past, name))
    ready = marked.get("For sales")
    if ready is not None and is_enough(stages[ready].days_from_first_seen.leads):
        yield _time_tile(stages[ready], past.get(ready))
    yield Tile("Lost ground", f"{funnel.lost_ground:,}", "moved down")


def _marked(stages: Sequence[FunnelStage], looks: Ladder) -> dict[str, str]:
    """The stages that get a tile: the first above the lowest, the first for sales, the first that is won."""
    marked = {"New leads": next((stage.stage for stage in stages[1:2]), None)}
    marked["For sales"] = next((stage.stage for stage in stages if looks[stage.stage].is_ready), None)
    marked["Customers"] = next((stage.stage for stage in stages if stage.outcome == "won"), None)
    return {title: name for title, name in marked.items() if name is not None}


def _by_name(funnel: FunnelFigures) -> dict[str, FunnelStage]:
    return {stage.stage: stage for stage in funnel.stages}


def _growth(stages: Mapping[str, FunnelStage], past: Mapping[str, FunnelStage], name: str) -> float | None:
    then = past[name].reached if name in past else 0
    return 100 * (stages[name].reached - then) / then if is_enough(then) else None


def _time_tile(now: FunnelStage, then: FunnelStage | None) -> Tile:
    days = now.days_from_first_seen.median or 0
    past = then.days_from_first_seen if then and is_enough(then.days_from_first_seen.leads) else None
    change = days - past.median if past and past.median is not None else None
    return Tile("First visit to sales", f"{days:.1f} days", "median", change, "days", is_good=False)


@dataclass(frozen=True, slots=True)
class Week:
    """The leads first seen in a week, by the furthest stage that they reached: a count for each stage but the first."""

    monday: date
    counts: Sequence[int]

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Weeks:
    """`stages`: those with a count. The parts of a column are drawn from the last of them, at the bottom, up."""

    stages: Sequence[FunnelStage]
    weeks: Sequence[Week]
    plot: plots.Stack


def _weeks(funnel: FunnelDocument) -> Weeks:
    found = {group.group: group for group in funnel.groups}
    mondays = _mondays(funnel.first, funnel.last)
    weeks = [Week(monday, _furthest(found.get(str(monday)))) for monday in mondays]
    width = len(funnel.total.stages) - 1
    columns = [tuple(reversed(week.counts)) or (0,) * width for week in weeks]
    return Weeks(funnel.total.stages[1:], weeks, plots.stack(columns, top=PLOT_TOP, base=PLOT_BASE))


def _mondays(first: date, last: date) -> list[date]:
    monday = first - timedelta(days=first.weekday())
    return [monday + timedelta(weeks=week) for week in range((last - monday).days // 7 + 1)]


def _furthest(figures: FunnelFigures | None) -> tuple[int, ...]:
    if figures is None:
        return ()
    reached = [*(stage.reached for stage in figures.stages[1:]), 0]
    return tuple(here - above for here, above in pairwise(reached))
