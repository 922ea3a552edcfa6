"""One lead: where it is on the ladder and why, its points, its history, and what happened."""

from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from app.api.access import CurrentRuntime
from app.api.leads import (
    event_position,
    get_lead,
    get_lead_history,
    get_lead_score,
    list_lead_events,
    list_lead_identities,
    list_lead_transitions,
)
from app.api.parameters import Cursor
from app.documents.leads import LeadDocument, ScoreDocument
from app.documents.parameters import Moment
from app.errors import NotFound
from app.screen.conditions import Names, gaps, met
from app.screen.formats import long_day
from app.screen.frames import CurrentFrame, Frame
from app.screen.histories import chart_of, thresholds_of
from app.screen.labels import score_looks, title_of
from app.screen.ledgers import Ledger, groups_of, ledger_of
from app.screen.links import path_with
from app.screen.people import person_of
from app.screen.routes import ScreenRoute
from app.screen.stages import LOST, Ladder
from app.screen.timelines import between, timeline
from app.services.models import get_version

DAYS_BACK, DAYS_AHEAD = timedelta(45), timedelta(30)
MAX_RUNGS = 3
MAX_LISTED = 200

router = APIRouter(prefix="/leads/{lead_id}", route_class=ScreenRoute)


@router.get("")
async def show_lead(
    request: Request,
    runtime: CurrentRuntime,
    frame: CurrentFrame,
    lead_id: UUID,
    as_of: Annotated[Moment | None, Query()] = None,
    folded: bool = True,
) -> Response:
    lead = await get_lead(runtime, lead_id)
    if lead.id != lead_id:  # merged
        return RedirectResponse(path_with(str(lead.id), request), HTTPStatus.SEE_OTHER)
    shared = {"lead": lead, "person": person_of(lead), "as_of": as_of}
    try:
        score = await get_lead_score(runtime, lead_id, as_of)
    except NotFound:
        on = long_day(as_of.date(), frame.now.date()) if as_of else ""
        return frame.render("lead_unknown.html", "leads", 404, **shared, on=on)
    model = await _model_of(runtime, frame, score)
    question = f"/v1/leads/{lead_id}/score" + (f"?as_of={_written(as_of)}" if as_of else "")
    return frame.render(
        "lead.html",
        "leads",
        **shared,
        **_standing(score, model),
        score=score,
        ledgers=_ledgers(score, model, frame.now.date(), fold=folded),
        folded=folded,
        identities=await list_lead_identities(runtime, lead_id, MAX_LISTED),
        transitions=await list_lead_transitions(runtime, lead_id, MAX_LISTED),
        coming=await _coming(runtime, lead, frame.now.date()) if as_of is None else {},
        moments=_moments(frame.now),
        question=question,
    )


@router.get("/history")
async def show_history(runtime: CurrentRuntime, frame: CurrentFrame, lead_id: UUID) -> Response:
    today = frame.now.date()
    first, last = today - DAYS_BACK, today + DAYS_AHEAD
    days = (await get_lead_history(runtime, lead_id, first, last)).data
    events = (await list_lead_events(runtime, lead_id, explain=True, limit=MAX_LISTED)).data
    looks = score_looks(frame.model)
    marks = [(f"{title} from {at:g}", at) for first in [*looks][:1] for title, at in thresholds_of(frame.model, first)]
    return frame.render(
        "lead_history.html",
        "leads",
        lead_id=lead_id,
        days=days,
        chart=chart_of(days, events, looks, frame.stages, marks, today) if days else None,
        looks=looks,
        question=f"/v1/leads/{lead_id}/history?from={first}&to={last}",
    )


@router.get("/events")
async def show_events(
    runtime: CurrentRuntime,
    frame: CurrentFrame,
    lead_id: UUID,
    cursor: Cursor = None,
    counting: bool = False,
) -> Response:
    """A page of what happened. `counting`: only what gives points today."""
    page = await list_lead_events(runtime, lead_id, explain=True, cursor=cursor)
    transitions = (await list_lead_transitions(runtime, lead_id, MAX_LISTED)).data
    before = event_position(lead_id, cursor)
    until = before.occurred_at if before else None
    shown = between(transitions, page.data, until, is_last=page.next_cursor is None)
    events = [event for event in page.data if event.points or not counting]
    return frame.render(
        "lead_events.html",
        "leads",
        lead_id=lead_id,
        days=timeline(events, shown, _names(frame.model), frame.stages, frame.now.date()),
        counting=counting,
        next_cursor=page.next_cursor,
        question=f"/v1/leads/{lead_id}/events?explain=true" + (f"&cursor={cursor}" if cursor else ""),
    )


# --- Parts of the page ------------------------------------------------------------------------------------------


async def _model_of(runtime: CurrentRuntime, frame: Frame, score: ScoreDocument) -> dict[str, Any]:
    """The document of the model that gave these scores."""
    if score.model_version is None or score.model_version == frame.model_version:
        return frame.model
    return (await get_version(runtime.database, score.model_version)).document


def _standing(score: ScoreDocument, model: dict[str, Any]) -> dict[str, Any]:
    ladder, names = Ladder.of(model["stages"]), _names(model)
    rungs = [rung for rung in score.stage_reason.rungs if ladder[rung.stage].colour != LOST]
    return {
        "ladder": ladder,
        "stage": ladder[score.stage],
        "met": met(score.stage_reason.because, names),
        "rungs": [(ladder[rung.stage], gaps(rung.missing, names)) for rung in rungs[:MAX_RUNGS]],
    }


def _names(model: dict[str, Any]) -> Names:
    signals = {name: title_of(signal, name) for name, signal in model.get("signals", {}).items()}
    return Names({name: look.title for name, look in score_looks(model).items()}, signals)


def _ledgers(score: ScoreDocument, model: dict[str, Any], today: date, *, fold: bool) -> list[dict[str, Any]]:
    looks = score_looks(model)
    found = []
    for name, explained in score.scores.items():
        marks = thresholds_of(model, name)
        ledger: Ledger = ledger_of(
            explained.ledger, groups_of(model["scores"][name]), looks[name], [at for _, at in marks], today, fold=fold
        )
        found.append({"look": looks[name], "explained": explained, "ledger": ledger, "marks": marks})
    return found


async def _coming(runtime: CurrentRuntime, lead: LeadDocument, today: date) -> dict[str, float]:
    """The first score tomorrow and in a week, if nothing happens."""
    if not lead.scores:
        return {}
    days = (await get_lead_history(runtime, lead.id, today + timedelta(1), today + timedelta(7))).data
    first = next(iter(lead.scores))
    return {words: days[index].scores[first].value for words, index in (("Tomorrow", 0), ("in a week", -1)) if days}


def _moments(now: datetime) -> list[tuple[str, str | None]]:
    """Other times to look at, as words and values of `as_of`."""
    ago = [("A day ago", -1), ("A week ago", -7), ("A month ago", -30), ("In a week", 7), ("In a month", 30)]
    return [("Now", None), *((words, _written(now + timedelta(days))) for words, days in ago)]


def _written(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
