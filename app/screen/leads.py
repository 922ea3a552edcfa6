"""The list of leads: the question of `GET /v1/leads`, whose parameters a page's URL has, as a table."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.api.access import CurrentRuntime
from app.api.lead_lists import Filters, count_leads, list_leads, read_filters
from app.api.parameters import Cursor, Limit
from app.api.reports import CSV
from app.documents.lead_lists import CountDocument, LeadPage, ListedLead, ReasonDocument
from app.screen import lead_filters
from app.screen.frames import CurrentFrame, Frame
from app.screen.labels import ScoreLook, score_looks, shown_scores
from app.screen.lead_filters import effective, query_of, replaced, without_position
from app.screen.people import person_of
from app.screen.routes import ScreenRoute
from app.screen.viewers import CurrentViewer
from app.services.lead_lists import LeadQuery

REASONS = 2
NONE = CountDocument(value=0, relation="eq")

router = APIRouter(prefix="/leads", route_class=ScreenRoute)

SortName = Annotated[str, Query(alias="sort")]


@router.get("")
async def show_leads(
    request: Request,
    runtime: CurrentRuntime,
    frame: CurrentFrame,
    filters: Filters,
    sort: SortName = "last_seen_at",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    page = await list_leads(runtime, filters, sort, REASONS, limit, cursor)
    return frame.render("leads.html", "leads", **_shared(request, frame), **_list(request, frame, page, sort))


@router.get("/counts")
async def show_counts(
    request: Request,
    runtime: CurrentRuntime,
    frame: CurrentFrame,
    filters: Filters,
    _sort: SortName = "last_seen_at",  # kept in the links
) -> Response:
    """The numbers of views and stages: how many leads match, and how many came to their stage within a week."""
    shared = _shared(request, frame)
    everyone = replace(filters, stages=None)
    recent = replace(everyone, stage_since_from=frame.now.date() - lead_filters.WEEK)

    async def by_stage(query: LeadQuery) -> dict[str, CountDocument]:
        """Stages that the filters exclude have no count of their own."""
        counted = (await count_leads(runtime, query)).stages
        return {name: counted.get(name, NONE) for name in frame.stages}

    return frame.render(
        "lead_counts.html",
        "leads",
        **shared
        | {
            "counts": await by_stage(everyone),
            "recent": await by_stage(recent),
            "totals": [(await count_leads(runtime, await _filters_of(view.pairs))).total for view in shared["views"]],
            "found": (await count_leads(runtime, filters)).total,
        },
    )


async def _filters_of(pairs: lead_filters.Pairs) -> LeadQuery:
    """The filters of a view. Its order doesn't matter for counting."""
    values = dict(pairs)

    def on(name: str) -> date | None:
        return date.fromisoformat(values[name]) if name in values else None

    return await read_filters(
        stage=[value for name, value in pairs if name == "stage"] or None,
        min_score=[value for name, value in pairs if name == "min_score"] or None,
        sales_ready=True if values.get("sales_ready") == "true" else None,
        seen_after=on("seen_after"),
        stage_since_after=on("stage_since_after"),
        next_change_before=on("next_change_before"),
    )


@router.get(".csv")
async def download_leads(
    runtime: CurrentRuntime, _viewer: CurrentViewer, filters: Filters, sort: SortName = "last_seen_at"
) -> Response:
    """All that match, as `GET /v1/leads` streams them."""
    answer: Response = await list_leads(runtime, filters, sort, REASONS, accept=CSV)
    answer.headers["Content-Disposition"] = 'attachment; filename="leads.csv"'
    return answer


def _shared(request: Request, frame: Frame) -> dict[str, Any]:
    """What the page and its counts show alike."""
    pairs = effective(request.query_params.multi_items())
    scores = score_looks(frame.model)
    chosen = [value for name, value in pairs if name == "stage"]
    return {
        "scores": scores,
        "score_columns": shown_scores(scores),
        "query": query_of(without_position(pairs)),
        "everyone": query_of(pair for pair in without_position(pairs) if pair[0] != "stage"),
        "views": lead_filters.views(pairs, frame.stages, scores, frame.now.date()),
        "rungs": [(frame.stages[name], replaced(pairs, "stage", name), chosen == [name]) for name in frame.stages],
        "counts": None,
    }


def _list(request: Request, frame: Frame, page: LeadPage, sort: str) -> dict[str, Any]:
    pairs = effective(request.query_params.multi_items())
    scores = score_looks(frame.model)
    explained = scores.get(sort) or next(iter(scores.values()), None)
    kept = without_position(pairs)
    return {
        "leads": [(lead, person_of(lead), reasons_of(lead, explained)) for lead in page.data],
        "pairs": kept,
        "pills": lead_filters.pills(pairs, frame.stages, scores, frame.now.date()),
        "sorts": lead_filters.sorts(pairs, scores),
        "limits": lead_filters.limits(scores),
        "more": lead_filters.continued(pairs, page.next_cursor) if page.next_cursor else None,
        "is_first": "cursor" not in request.query_params,
        "question": f"/v1/leads?{query_of([*pairs, ('reasons', str(REASONS))])}",
    }


def reasons_of(lead: ListedLead, look: ScoreLook | None) -> list[tuple[ReasonDocument, str]]:
    """The strongest reasons for one score, each with its title."""
    if look is None:
        return []
    return [(reason, look.rule_title(reason.rule)) for reason in (lead.reasons or {}).get(look.name, [])]
