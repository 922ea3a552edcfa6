"""Refused messages: the questions of `GET /v1/rejections` and `/v1/rejections/counts`, whose parameters the URL has.

Admins release quarantined messages, one or all that match these parameters.
"""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from app.api.access import CurrentRuntime
from app.api.rejections import Wanted, count_rejections, count_releasable, list_rejections, release
from app.documents.rejections import RejectionPage
from app.protocol.bots import QUARANTINED
from app.screen.frames import CurrentFrame
from app.screen.links import path_with, with_parameters
from app.screen.pages import render
from app.screen.routes import ScreenRoute
from app.screen.viewers import admin_of
from app.services.rejections import RejectionFilter
from app.services.releases import MAX_MESSAGES

BY_SCREEN = "an admin on the screen"

router = APIRouter(prefix="/ops/rejections", route_class=ScreenRoute)


@router.get("")
async def show_rejections(
    request: Request,
    frame: CurrentFrame,
    wanted: Wanted,
    runtime: CurrentRuntime,
    page: Annotated[RejectionPage, Depends(list_rejections)],
) -> Response:
    counts = (await count_rejections(runtime, replace(wanted, codes=()))).data
    releasable = QUARANTINED if frame.viewer.is_admin else ()
    listed = {each.code for each in counts if not wanted.codes or each.code in wanted.codes}
    return render(
        request,
        "rejections.html",
        frame=frame,
        section="ops",
        wanted=wanted,
        q=request.query_params.get("q", ""),
        rejections=page.data,
        releasable=releasable,
        release=with_parameters(request, cursor=None) if listed.intersection(releasable) else None,
        kept=[pair for pair in request.query_params.multi_items() if pair[0] not in ("q", "cursor")],
        everything=with_parameters(request, code=None, cursor=None),
        counts=[(each, with_parameters(request, code=each.code, cursor=None)) for each in counts],
        more=page.next_cursor and with_parameters(request, cursor=page.next_cursor),
        question=path_with("/v1/rejections", request),
    )


@router.get("/release", dependencies=[Depends(admin_of)])
async def confirm_release(request: Request, frame: CurrentFrame, runtime: CurrentRuntime, wanted: Wanted) -> Response:
    """How many messages can be released, before they are."""
    found = await count_releasable(runtime, wanted)
    query = with_parameters(request)
    context = {"wanted": wanted, "found": found, "query": query, "at_most": min(found.left, MAX_MESSAGES)}
    return render(request, "release.html", frame=frame, section="ops", **context)


@router.post("/release", dependencies=[Depends(admin_of)])
async def release_matching(runtime: CurrentRuntime, wanted: Wanted) -> Response:
    await release(runtime, wanted, BY_SCREEN)
    return RedirectResponse("../rejections", HTTPStatus.SEE_OTHER)


@router.post("/{rejection_id}/release", dependencies=[Depends(admin_of)])
async def release_one(runtime: CurrentRuntime, rejection_id: UUID) -> Response:
    await release(runtime, RejectionFilter(ids=(rejection_id,)), BY_SCREEN)
    return RedirectResponse("../../rejections", HTTPStatus.SEE_OTHER)
