"""Exports over HTTP: everything about one person, streamed as JSON Lines."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import structlog
from fastapi.responses import StreamingResponse

from app.api.access import Admin, CurrentRuntime
from app.api.identities import AskedIdentity
from app.api.routes import strict_router
from app.documents.exports import END, export_line
from app.errors import LeadscoreError
from app.scoring.events import Identity
from app.services.exports import ExportKind, export_person
from app.services.runtime import Runtime

MEDIA_TYPE = "application/jsonl"
CHUNK_BYTES = 64 * 1024

log = structlog.get_logger()

router = strict_router(
    "/v1/leads", "leads", Admin, responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}}
)


@router.get("/lookup/export", response_class=StreamingResponse)
async def export_person_as_lines(runtime: CurrentRuntime, wanted: AskedIdentity) -> StreamingResponse:
    """The same by an identity. If no lead has it: the rejected and quarantined messages that name it."""
    return await _export(runtime, wanted.read(runtime.settings.phone_region))


@router.get("/{lead_id}/export", response_class=StreamingResponse)
async def export_lead_as_lines(runtime: CurrentRuntime, lead_id: UUID) -> StreamingResponse:
    """Everything that is stored of a lead, as JSON Lines: each has a `kind`, and the last one is `{"kind": "end"}`."""
    return await _export(runtime, lead_id)


async def _export(runtime: Runtime, wanted: UUID | Identity) -> StreamingResponse:
    items = export_person(runtime.database, runtime.leads, wanted, runtime.clock())
    first = await anext(items)  # here, so that an unknown person is an error answer
    return StreamingResponse(_chunks(first, items), media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})


async def _chunks(first: tuple[ExportKind, Any], items: AsyncIterator[tuple[ExportKind, Any]]) -> AsyncIterator[bytes]:
    """The lines, many at a time. If the database becomes unreachable, the last line is missing."""
    pending = export_line(*first)
    try:
        async for item in items:
            pending += export_line(*item)
            if len(pending) >= CHUNK_BYTES:
                yield pending
                pending = b""
    except LeadscoreError as error:
        log.warning("export incomplete", reason=error.detail)
        return
    yield pending + END
