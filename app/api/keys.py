"""Managing keys over HTTP, with an admin key."""

from uuid import UUID

from fastapi import APIRouter

from app.api.access import Admin, CurrentRuntime
from app.api.problems import REFUSALS
from app.api.routes import StrictRoute
from app.documents.keys import CreatedKey, KeyDocument, KeyList, KeyRequest
from app.services import keys as key_service

router = APIRouter(
    prefix="/v1/keys",
    tags=["keys"],
    route_class=StrictRoute,
    dependencies=[Admin],
    responses=REFUSALS,
)


@router.post("", status_code=201)
async def create_key(runtime: CurrentRuntime, wanted: KeyRequest) -> CreatedKey:
    made = await key_service.create_key(
        runtime.database,
        wanted.kind,
        wanted.name,
        runtime.clock(),
        origins=wanted.origins,
        events=wanted.events,
        trait_map=wanted.map,
    )
    return CreatedKey(secret=made.secret, key=KeyDocument.of(made.key))


@router.get("")
async def list_keys(runtime: CurrentRuntime) -> KeyList:
    return KeyList(data=list(map(KeyDocument.of, await key_service.list_keys(runtime.database))), next_cursor=None)


@router.delete("/{key_id}", status_code=204)
async def revoke_key(runtime: CurrentRuntime, key_id: UUID) -> None:
    """The key stops working at once, and within 5 seconds on other replicas."""
    await key_service.revoke_key(runtime.database, key_id, runtime.clock())
    runtime.keys.forget()
