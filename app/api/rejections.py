"""Rejections over HTTP: refused messages and the reasons."""

from uuid import UUID

from fastapi import APIRouter

from app.api.access import CurrentRuntime, Reader
from app.api.cursors import read_cursor, write_cursor
from app.api.parameters import Cursor, Limit
from app.api.problems import REFUSALS
from app.api.routes import StrictRoute
from app.documents.rejections import RejectionDocument, RejectionPage
from app.services import rejections as rejection_service

QUERY = "rejections"

router = APIRouter(
    prefix="/v1/rejections",
    tags=["rejections"],
    route_class=StrictRoute,
    dependencies=[Reader],
    responses=REFUSALS,
)


@router.get("")
async def list_rejections(
    runtime: CurrentRuntime,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> RejectionPage:
    """Messages refused in the last 30 days (LEADSCORE_REJECTIONS_DAYS), latest first."""
    (after,) = read_cursor(QUERY, cursor, UUID) if cursor else (None,)
    page = await rejection_service.list_rejections(runtime.database, after, limit)
    more = write_cursor(QUERY, [str(page.last.id)]) if page.last else None
    return RejectionPage(data=list(map(RejectionDocument.of, page.items)), next_cursor=more)
