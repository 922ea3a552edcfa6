"""Keys, with `/v1/keys`: a secret is shown once, on the answer that creates it; revoking asks for the name."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from app.api.access import CurrentRuntime
from app.api.keys import create_key, list_keys, revoke_key, rotate_key
from app.documents.keys import CreatedKey, KeyDocument, KeyRequest, KeyRotationRequest, Text
from app.errors import NotFound, ValidationFailed
from app.screen.frames import CurrentFrame
from app.screen.routes import ScreenRoute
from app.screen.viewers import admin_of
from app.services.keys import KeyKind

router = APIRouter(prefix="/ops/keys", route_class=ScreenRoute, dependencies=[Depends(admin_of)])


@router.get("")
async def show_keys(frame: CurrentFrame, runtime: CurrentRuntime) -> Response:
    keys = (await list_keys(runtime)).data
    return frame.render("keys.html", "ops", keys=keys)


@router.post("")
async def create(
    frame: CurrentFrame,
    runtime: CurrentRuntime,
    kind: Annotated[KeyKind, Form()],
    name: Annotated[Text, Form()],
) -> Response:
    return _shown_once(frame, await create_key(runtime, KeyRequest(kind=kind, name=name)))


@router.post("/{key_id}/rotate")
async def rotate(frame: CurrentFrame, runtime: CurrentRuntime, key_id: UUID) -> Response:
    return _shown_once(frame, await rotate_key(runtime, key_id, KeyRotationRequest(overlap_hours=24)))


@router.get("/{key_id}/revoke")
async def confirm_revocation(frame: CurrentFrame, runtime: CurrentRuntime, key_id: UUID) -> Response:
    return frame.render("key_revoke.html", "ops", key=await _key(runtime, key_id))


@router.post("/{key_id}/revoke")
async def revoke(runtime: CurrentRuntime, key_id: UUID, name: Annotated[str, Form()] = "") -> Response:
    if name.split() != (await _key(runtime, key_id)).name.split():  # a page shows many spaces as one
        raise ValidationFailed("This is not the key's name: go back, and type it as it is written there.")
    await revoke_key(runtime, key_id)
    return RedirectResponse("../../keys", HTTPStatus.SEE_OTHER)


def _shown_once(frame: CurrentFrame, made: CreatedKey) -> Response:
    """Not a redirect: no URL may lead to a secret again."""
    return frame.render("key_created.html", "ops", 201, made=made)


async def _key(runtime: CurrentRuntime, key_id: UUID) -> KeyDocument:
    """Raises `NotFound`, also if the key is revoked."""
    found = (key for key in (await list_keys(runtime)).data if key.id == key_id and key.revoked_at is None)
    key = next(found, None)
    if key is None:
        raise NotFound("There is no such key, or it is revoked already.")
    return key
