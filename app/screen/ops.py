"""Operations: what comes in, what is refused, and how far rollouts are. The figures refresh by themselves."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.api.access import CurrentRuntime
from app.api.activity import get_activity
from app.api.rejections import count_rejections
from app.api.status import get_status
from app.documents.activity import ActivityDocument
from app.screen import plots
from app.screen.frames import CurrentFrame
from app.screen.pages import part_or_page
from app.screen.routes import ScreenRoute
from app.services.activity import TimeUnit
from app.services.rejections import RejectionFilter

PLOT_TOP, PLOT_BASE = 14, 152
LENGTHS: Mapping[TimeUnit, timedelta] = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}

router = APIRouter(prefix="/ops", route_class=ScreenRoute)


@router.get("")
async def show_operations(
    request: Request, frame: CurrentFrame, runtime: CurrentRuntime, by: Annotated[TimeUnit, Query()] = "minute"
) -> Response:
    """The page, or only its figures, for which it asks every ten seconds."""
    activity = await get_activity(runtime, by=by)
    refused = await count_rejections(runtime, RejectionFilter(since=activity.since))
    return frame.render(
        part_or_page(request, "ops"),
        "ops",
        by=by,
        activity=activity,
        inflow=_inflow(activity),
        sources=_sources(activity),
        refused=refused.data,
        status=await get_status(runtime),
    )


@dataclass(frozen=True, slots=True)
class Inflow:
    """Messages by minute or hour: `(start, accepted, not accepted)`, without gaps."""

    steps: Sequence[tuple[datetime, int, int]]
    plot: plots.Stack

    @property
    def accepted(self) -> int:
        return sum(accepted for _, accepted, _ in self.steps)


def _inflow(activity: ActivityDocument) -> Inflow:
    counts: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    for each in activity.data:
        counts[each.at].update(accepted=each.accepted, other=each.duplicates + each.rejected + each.quarantined)
    steps = [(start, counts[start]["accepted"], counts[start]["other"]) for start in _starts(activity)]
    return Inflow(steps, plots.stack([step[1:] for step in steps], top=PLOT_TOP, base=PLOT_BASE))


def _starts(activity: ActivityDocument) -> Iterator[datetime]:
    start = activity.since
    while start < activity.until:
        yield start
        start += LENGTHS[activity.by]


def _sources(activity: ActivityDocument) -> list[tuple[str, Counter[str]]]:
    """The messages of each source by result, the busiest first."""
    sources: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in activity.data:
        sources[each.source].update(each.model_dump(exclude={"at", "source"}))
    return sorted(sources.items(), key=lambda item: -item[1].total())
