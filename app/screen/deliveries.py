"""Deliveries of webhooks, with `/v1/deliveries`: what was sent, how it went, and sending it again."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BeforeValidator

from app.api.access import CurrentRuntime
from app.api.deliveries import get_delivery, list_deliveries, replay_deliveries, replay_delivery
from app.api.webhooks import list_webhooks
from app.documents.deliveries import DeliveryPage, ReplayRequest
from app.screen.frames import CurrentFrame
from app.screen.links import path_with, with_parameters
from app.screen.routes import ScreenRoute
from app.screen.viewers import admin_of
from app.services.deliveries import DeliveryState, DeliveryType

STATES: tuple[DeliveryState, ...] = ("pending", "delivered", "dead")

router = APIRouter(prefix="/ops/deliveries", route_class=ScreenRoute, dependencies=[Depends(admin_of)])


def _given(value: object) -> object:
    """An empty field of a form means that it isn't asked for."""
    return value or None


WebhookId = Annotated[UUID | None, BeforeValidator(_given)]
State = Annotated[DeliveryState | None, BeforeValidator(_given)]
Type = Annotated[DeliveryType | None, BeforeValidator(_given)]


async def read_request(
    webhook_id: UUID | None = None,
    state: DeliveryState | None = None,
    type_: Annotated[DeliveryType | None, Query(alias="type")] = None,
    lead_id: UUID | None = None,
) -> ReplayRequest:
    """Which deliveries are meant: those that match all parameters, in any state if none is given."""
    return ReplayRequest(webhook_id=webhook_id, state=state, type=type_, lead_id=lead_id, dry_run=True)


Wanted = Annotated[ReplayRequest, Depends(read_request)]


async def _page(
    runtime: CurrentRuntime, wanted: Wanted, cursor: Annotated[str | None, Query(max_length=500)] = None
) -> DeliveryPage:
    return await list_deliveries(runtime, wanted.webhook_id, wanted.state, wanted.type, wanted.lead_id, cursor=cursor)


@router.get("")
async def show_deliveries(
    request: Request,
    frame: CurrentFrame,
    runtime: CurrentRuntime,
    wanted: Wanted,
    page: Annotated[DeliveryPage, Depends(_page)],
) -> Response:
    webhooks = {webhook.id: webhook for webhook in (await list_webhooks(runtime)).data}
    return frame.render(
        "deliveries.html",
        "ops",
        wanted=wanted,
        deliveries=page.data,
        webhooks=webhooks,
        everything=with_parameters(request, state=None, cursor=None),
        counts=[
            (state, with_parameters(request, state=state, cursor=None), await _count(runtime, wanted, state))
            for state in STATES
        ],
        more=page.next_cursor and with_parameters(request, cursor=page.next_cursor),
        replay=with_parameters(request, cursor=None),
        question=path_with("/v1/deliveries", request),
    )


async def _count(runtime: CurrentRuntime, wanted: ReplayRequest, state: DeliveryState) -> int:
    return (await replay_deliveries(runtime, wanted.model_copy(update={"state": state}))).count


@router.get("/replay")
async def confirm_replay(frame: CurrentFrame, runtime: CurrentRuntime, wanted: Wanted) -> Response:
    """How many deliveries match, before they are sent again."""
    count = (await replay_deliveries(runtime, wanted)).count
    return frame.render("replay.html", "ops", wanted=wanted, count=count)


@router.post("/replay")
async def replay_matching(
    runtime: CurrentRuntime,
    webhook_id: Annotated[WebhookId, Form()] = None,
    state: Annotated[State, Form()] = None,
    type_: Annotated[Type, Form(alias="type")] = None,
    lead_id: Annotated[WebhookId, Form()] = None,
) -> Response:
    wanted = ReplayRequest(webhook_id=webhook_id, state=state, type=type_, lead_id=lead_id)
    await replay_deliveries(runtime, wanted)
    return RedirectResponse("../deliveries", HTTPStatus.SEE_OTHER)


@router.get("/{delivery_id}")
async def show_delivery(frame: CurrentFrame, runtime: CurrentRuntime, delivery_id: UUID) -> Response:
    delivery = await get_delivery(runtime, delivery_id)
    return frame.render("delivery.html", "ops", delivery=delivery)


@router.post("/{delivery_id}/replay")
async def replay_one(runtime: CurrentRuntime, delivery_id: UUID) -> Response:
    await replay_delivery(runtime, delivery_id)
    return RedirectResponse(f"../{delivery_id}", HTTPStatus.SEE_OTHER)
