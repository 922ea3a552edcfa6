"""Scoring models over HTTP: drafts, warnings, comparison, previews and publishing."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from app.api.access import Admin, AdminKey, CurrentRuntime, Reader
from app.api.bodies import MODEL_BODY, read_model_source
from app.api.cursors import read_cursor, whole_number, write_cursor
from app.api.parameters import Cursor, Limit
from app.api.problems import Problem
from app.api.routes import strict_router
from app.documents.model_checks import DifferenceDocument
from app.documents.models import DiffDocument, ModelDocument, VersionDocument, VersionPage
from app.documents.parameters import MAX_VERSION, NamedVersion, Note, Version, VersionOrActive, number_of
from app.documents.previews import PreviewDocument, PreviewRequest
from app.documents.rollouts import RolloutDocument
from app.scoring.diff import compare
from app.scoring.schema import json_schema
from app.services.model_checks import check_model
from app.services.models import compile_any, draft, get_version, list_versions, read_written
from app.services.previews import preview
from app.services.publishing import publish
from app.services.rollouts import progress_of

YAML = "application/yaml"


class PublishRequest(BaseModel, extra="forbid"):
    """`notify`: whether subscribers are notified of stage changes caused by the new model.

    `compared_with`: the version that was active when you decided. If another one is by now, nothing is published.
    """

    notify: Literal["all", "none"]
    compared_with: NamedVersion | None = None


router = strict_router("/v1/models", "models")


@router.post("", status_code=201, openapi_extra=MODEL_BODY)
async def create_model(
    request: Request,
    runtime: CurrentRuntime,
    response: Response,
    key: AdminKey,
    note: Annotated[Note | None, Query(description="What is new in this version.")] = None,
) -> ModelDocument:
    """Store a document, as JSON or YAML, as a draft: the next version. Returns its warnings and example results."""
    source = await read_model_source(request, runtime.settings.body_timeout_s)
    written = await asyncio.to_thread(read_written, source)
    model, text = written.model, written.text
    version = await draft(runtime.database, model, note, runtime.clock(), text=text, author=key.name)
    response.headers["Location"] = f"/v1/models/{version.number}"
    return ModelDocument.of_checked(version, await asyncio.to_thread(check_model, model, text))


@router.get("", dependencies=[Reader])
async def list_models(runtime: CurrentRuntime, limit: Limit = 50, cursor: Cursor = None) -> VersionPage:
    """Versions, latest first."""
    (before,) = read_cursor("models", cursor, whole_number(1, MAX_VERSION)) if cursor else (None,)
    page = await list_versions(runtime.database, before, limit)
    more = write_cursor("models", [page.last.number]) if page.last else None
    return VersionPage(data=list(map(VersionDocument.of, page.items)), next_cursor=more)


@router.get("/schema", dependencies=[Reader])
async def get_model_schema() -> dict[str, Any]:
    """The JSON Schema of a model's document, for editors that complete and validate."""
    return json_schema()


@router.get(
    "/{version}",
    dependencies=[Reader],
    response_model=ModelDocument,
    responses={200: {"content": {YAML: {"schema": {"type": "string"}}}}},
)
async def get_model(request: Request, runtime: CurrentRuntime, version: VersionOrActive) -> Any:
    """A version with its warnings and example results; with `Accept: application/yaml`, its text as it was posted."""
    found = await get_version(runtime.database, number_of(version))
    if "yaml" in request.headers.get("accept", ""):
        return Response(await asyncio.to_thread(found.as_yaml), media_type=YAML)
    return ModelDocument.of_checked(found, await asyncio.to_thread(lambda: check_model(found.load(), found.text)))


@router.get("/{version}/diff", dependencies=[Reader])
async def compare_models(
    runtime: CurrentRuntime,
    version: VersionOrActive,
    other: Annotated[VersionOrActive, Query(alias="with", description="The version to compare with.")] = "active",
) -> DiffDocument:
    """How this version differs, in terms of signals, rules and stages."""
    after = await get_version(runtime.database, number_of(version))
    before = await get_version(runtime.database, number_of(other))
    differences = await asyncio.to_thread(lambda: compare(before.load(), after.load()))
    return DiffDocument(
        before=before.number,
        after=after.number,
        differences=list(map(DifferenceDocument.of, differences)),
    )


@router.post("/{version}/preview", dependencies=[Admin])
async def preview_model(runtime: CurrentRuntime, version: VersionOrActive, wanted: PreviewRequest) -> PreviewDocument:
    """What this version would change if it were published now. Nothing is changed."""
    candidate = await compile_any(runtime.database, version)
    async with runtime.preview_slot():
        seen = await preview(runtime.database, runtime.models, candidate, runtime.clock(), wanted.sample)
        return await asyncio.to_thread(PreviewDocument.of, seen)


@router.post("/{version}/publish", status_code=202, responses={409: {"model": Problem}})
async def publish_model(
    runtime: CurrentRuntime, key: AdminKey, version: Version, wanted: PublishRequest, response: Response
) -> RolloutDocument:
    """Make this version the active model, and start its rollout to all leads."""
    notify, compared_with = wanted.notify == "all", wanted.compared_with
    rollout = await publish(
        runtime.database, version, runtime.clock, notify=notify, author=key.name, compared_with=compared_with
    )
    response.headers["Location"] = f"/v1/rollouts/{rollout.id}"
    return RolloutDocument.of(await progress_of(runtime.database, rollout.id, runtime.clock()))
