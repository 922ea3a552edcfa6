"""Checks of models over HTTP, for editors: nothing is stored."""

import asyncio
from typing import Annotated

from fastapi import Query, Request

from app.api.access import CurrentRuntime, Reader
from app.api.bodies import MODEL_BODY, read_model_source
from app.api.routes import strict_router
from app.documents.model_checks import CheckDocument
from app.documents.parameters import VersionOrActive, number_of
from app.services.model_checks import check_source
from app.services.models import get_version

router = strict_router("/v1/models/check", "models", Reader)


@router.post("", openapi_extra=MODEL_BODY)
async def check_model(
    request: Request,
    runtime: CurrentRuntime,
    against: Annotated[VersionOrActive, Query(description="The version to compare with.")] = "active",
) -> CheckDocument:
    """Faults, warnings, example results and differences of a document, as JSON or YAML. Nothing is stored."""
    before = await get_version(runtime.database, number_of(against))
    source = await read_model_source(request, runtime.settings.body_timeout_s)
    found = await asyncio.to_thread(lambda: check_source(source, before.load()))
    return CheckDocument.of(found, before.number)
