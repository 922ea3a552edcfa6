"""Taking events back over HTTP, and restoring them."""

from uuid import UUID

from fastapi import Response

from app.api.access import AdminKey, CurrentRuntime, Reader
from app.api.cursors import read_cursor, write_cursor
from app.api.parameters import Cursor, Limit
from app.api.routes import strict_router
from app.documents.retractions import RetractionAnswer, RetractionDocument, RetractionPage, RetractionRequest

QUERY = "retractions"

router = strict_router("/v1", "retractions")


@router.post("/events/retract", responses={202: {"model": RetractionAnswer}})
async def retract_events(
    runtime: CurrentRuntime, wanted: RetractionRequest, key: AdminKey, response: Response
) -> RetractionAnswer:
    """Let events no longer count. With `dry_run`, nothing is stored; otherwise a worker begins within 2 seconds."""
    if wanted.dry_run:
        return RetractionAnswer.of_plan(await runtime.retractions.plan(wanted.wanted()))
    response.status_code = 202
    extent = await runtime.retractions.count(wanted.wanted())
    created = await runtime.retractions.create(wanted.wanted(), wanted.reason, key.name)
    return RetractionAnswer.of_created(created, extent)


@router.get("/retractions", dependencies=[Reader])
async def list_retractions(runtime: CurrentRuntime, limit: Limit = 50, cursor: Cursor = None) -> RetractionPage:
    """The latest first."""
    (after,) = read_cursor(QUERY, cursor, UUID) if cursor else (None,)
    page = await runtime.retractions.page(after, limit)
    more = write_cursor(QUERY, [str(page.last.retraction.id)]) if page.last else None
    return RetractionPage(data=list(map(RetractionDocument.of, page.items)), next_cursor=more)


@router.get("/retractions/{retraction_id}", dependencies=[Reader])
async def get_retraction(runtime: CurrentRuntime, retraction_id: UUID) -> RetractionDocument:
    return RetractionDocument.of(await runtime.retractions.get(retraction_id))


@router.post("/retractions/{retraction_id}/undo", status_code=202)
async def undo_retraction(runtime: CurrentRuntime, retraction_id: UUID, key: AdminKey) -> RetractionDocument:
    """Let the events count again. A worker begins within 2 seconds."""
    return RetractionDocument.of(await runtime.retractions.undo(retraction_id, key.name))
