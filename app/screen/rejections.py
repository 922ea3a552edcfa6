"""Refused messages: the questions of `GET /v1/rejections` and `/v1/rejections/counts`, whose parameters the URL has.

Admins release quarantined messages, one or all that match these parameters. What they confirm ends with the newest
message at that moment. A message may still be committed later with an older id: then they have to confirm again.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from app.api.access import CurrentRuntime
from app.api.rejections import Wanted, count_rejections, count_releasable, list_rejections, release, release_confirmed
from app.documents.rejections import RejectionPage, ReleaseDocument
from app.errors import ValidationFailed
from app.screen.frames import CurrentFrame, Frame
from app.screen.links import path_with, with_parameters
from app.screen.routes import ScreenRoute
from app.screen.viewers import admin_of
from app.services.rejections import RejectionFilter
from app.services.runtime import Runtime

BY_SCREEN = "an admin on the screen"
EVERYTHING = RejectionFilter()
BEFORE_ALL = UUID(int=0)

router = APIRouter(prefix="/ops/rejections", route_class=ScreenRoute)


async def _chosen(wanted: Wanted) -> RejectionFilter:
    """Raises `ValidationFailed` if there is no filter: releasing everything is probably a mistake."""
    if wanted == EVERYTHING:
        raise ValidationFailed("Choose what to release: give at least one of code, source, from, to, q.")
    return wanted


Chosen = Annotated[RejectionFilter, Depends(_chosen)]


@router.get("")
async def show_rejections(
    request: Request,
    frame: CurrentFrame,
    wanted: Wanted,
    runtime: CurrentRuntime,
    page: Annotated[RejectionPage, Depends(list_rejections)],
) -> Response:
    counts = (await count_rejections(runtime, replace(wanted, codes=()))).data
    return frame.render(
        "rejections.html",
        "ops",
        wanted=wanted,
        q=request.query_params.get("q", ""),
        rejections=page.data,
        releasable=await _releasable(runtime, frame, [each.id for each in page.data]),
        release=with_parameters(request, cursor=None, limit=None)
        if await _can_release(runtime, frame, wanted)
        else None,
        kept=[pair for pair in request.query_params.multi_items() if pair[0] not in ("q", "cursor")],
        everything=with_parameters(request, code=None, cursor=None),
        counts=[(each, with_parameters(request, code=each.code, cursor=None)) for each in counts],
        more=page.next_cursor and with_parameters(request, cursor=page.next_cursor),
        question=path_with("/v1/rejections", request),
    )


async def _releasable(runtime: Runtime, frame: Frame, ids: Collection[UUID]) -> set[UUID]:
    return await runtime.releases.releasable(ids) if frame.viewer.is_admin else set()


async def _can_release(runtime: Runtime, frame: Frame, wanted: RejectionFilter) -> bool:
    """Whether the viewer can release all that match."""
    is_chosen = frame.viewer.is_admin and wanted != EVERYTHING
    return is_chosen and (await count_releasable(runtime, wanted)).left > 0


@router.get("/release", dependencies=[Depends(admin_of)])
async def confirm_release(request: Request, frame: CurrentFrame, runtime: CurrentRuntime, wanted: Chosen) -> Response:
    """How many messages can be released, before they are."""
    return await _confirmation(request, frame, runtime, wanted)


async def _confirmation(
    request: Request, frame: Frame, runtime: Runtime, wanted: RejectionFilter, *, has_changed: bool = False
) -> Response:
    """`has_changed`: the messages that were confirmed are not those that match."""
    newest = (await list_rejections(runtime, wanted, limit=1)).data
    up_to = newest[0].id if newest else BEFORE_ALL
    until_now = replace(wanted, up_to=up_to)
    return frame.render(
        "release.html",
        "ops",
        409 if has_changed else 200,
        has_changed=has_changed,
        up_to=up_to,
        batch=await runtime.releases.batch(until_now),
        found=await count_releasable(runtime, until_now),
        query=with_parameters(request),
    )


@router.post("/release", dependencies=[Depends(admin_of)])
async def release_matching(
    request: Request,
    frame: CurrentFrame,
    runtime: CurrentRuntime,
    wanted: Chosen,
    up_to: Annotated[UUID, Form()],
    digest: Annotated[str, Form()],
) -> Response:
    """Ask again if the messages are not those that were confirmed."""
    done = await release_confirmed(runtime, replace(wanted, up_to=up_to), digest, BY_SCREEN)
    if done is None:
        return await _confirmation(request, frame, runtime, wanted, has_changed=True)
    return _released(request, frame, done)


@router.post("/{rejection_id}/release", dependencies=[Depends(admin_of)])
async def release_one(request: Request, frame: CurrentFrame, runtime: CurrentRuntime, rejection_id: UUID) -> Response:
    return _released(request, frame, await release(runtime, RejectionFilter(ids=(rejection_id,)), BY_SCREEN))


def _released(request: Request, frame: Frame, done: ReleaseDocument) -> Response:
    """Loading the answer again is harmless: what was released is off the list, so the screen asks again."""
    query = with_parameters(request)
    return frame.render("released.html", "ops", done=done, query=query)
