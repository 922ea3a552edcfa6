"""Refused messages: the questions of `GET /v1/rejections` and `/v1/rejections/counts`, whose parameters the URL has."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from app.api.rejections import Wanted, count_rejections, list_rejections
from app.documents.rejections import RejectionCounts, RejectionPage
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
    page: Annotated[RejectionPage, Depends(list_rejections)],
    counts: Annotated[RejectionCounts, Depends(count_rejections)],
) -> Response:
    return render(
        request,
        "rejections.html",
        frame=frame,
        section="ops",
        wanted=wanted,
        q=request.query_params.get("q", ""),
        rejections=page.data,
        counts=counts.data,
        more=page.next_cursor and with_parameters(request, cursor=page.next_cursor),
        question=path_with("/v1/rejections", request),
    )
