"""Refused messages: the questions of `GET /v1/rejections` and `/v1/rejections/counts`, whose parameters the URL has."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from app.api.access import CurrentRuntime
from app.api.rejections import Wanted, count_rejections, list_rejections
from app.documents.rejections import RejectionPage
from app.screen.frames import CurrentFrame
from app.screen.links import path_with, with_parameters
from app.screen.pages import render
from app.screen.routes import ScreenRoute

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
    return render(
        request,
        "rejections.html",
        frame=frame,
        section="ops",
        wanted=wanted,
        q=request.query_params.get("q", ""),
        rejections=page.data,
        kept=[pair for pair in request.query_params.multi_items() if pair[0] not in ("q", "cursor")],
        everything=with_parameters(request, code=None, cursor=None),
        counts=[(each, with_parameters(request, code=each.code, cursor=None)) for each in counts],
        more=page.next_cursor and with_parameters(request, cursor=page.next_cursor),
        question=path_with("/v1/rejections", request),
    )
