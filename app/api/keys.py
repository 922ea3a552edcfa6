"""Keys over HTTP: managing them with an admin key, and asking with any key what it may do."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.api.access import Admin, CurrentRuntime, needs
from app.api.routes import strict_router
from app.documents.keys import CreatedKey, KeyDocument, KeyList, KeyRequest, KeyRotationRequest, OwnKey
from app.services import keys as key_service

router = strict_router("/v1", "keys")


@router.get("/me")
async def get_own_key(key: Annotated[key_service.Key, Depends(needs(*key_service.KEY_KINDS))]) -> OwnKey:
    """The key that asks: what it is called, what it may do, and when it expires."""
    return OwnKey.of(key)


@router.post("/keys", status_code=201, dependencies=[Admin])
async def create_key(runtime: CurrentRuntime, wanted: KeyRequest) -> CreatedKey:
    made = await key_service.create_key(
        runtime.database,
        wanted.kind,
        wanted.name,
        runtime.clock(),
        origins=wanted.origins,
        events=wanted.events,
        trait_map=wanted.map,
        expires_at=wanted.expires_at,
    )
    return CreatedKey.of(made)


@router.get("/keys", dependencies=[Admin])
async def list_keys(runtime: CurrentRuntime) -> KeyList:
    return KeyList(data=list(map(KeyDocument.of, await key_service.list_keys(runtime.database))), next_cursor=None)


@router.post("/keys/{key_id}/rotate", dependencies=[Admin])
async def rotate_key(runtime: CurrentRuntime, key_id: UUID, wanted: KeyRotationRequest) -> CreatedKey:
    """Give the key a new secret. For `overlap_hours`, the old one works too; secrets before it end no later."""
    overlap = timedelta(hours=wanted.overlap_hours)
    made = await key_service.rotate_key(runtime.database, key_id, overlap, runtime.clock())
    runtime.keys.forget()
    return CreatedKey.of(made)


@router.delete("/keys/{key_id}", status_code=204, dependencies=[Admin])
async def revoke_key(runtime: CurrentRuntime, key_id: UUID) -> None:
    """The key stops working at once, and within 5 seconds on other replicas."""
    await key_service.revoke_key(runtime.database, key_id, runtime.clock())
    runtime.keys.forget()
