"""Rejections over HTTP: which messages were refused, and why."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app.api.access import CurrentRuntime, Reader
from app.api.cursors import read_cursor, write_cursor
from app.api.problems import Problem
from app.services.rejections import list_rejections

QUERY = "rejections"

router = APIRouter(
    prefix="/v1/rejections",
    tags=["rejections"],
    dependencies=[Reader],
    responses={status: {"model": Problem} for status in (400, 401, 403, 422, 503)},
)


class RejectionDocument(BaseModel):
    """`body` is the message as JSON text, cut off where it was too long to keep."""

    id: UUID
    source: str
    received_at: datetime
    code: str
    detail: str
    message_id: str | None
    body: str


class RejectionPage(BaseModel):
    data: list[RejectionDocument]
    next_cursor: str | None


@router.get("")
async def list_all(
    runtime: CurrentRuntime,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> RejectionPage:
    """Messages refused in the last 30 days (LEADSCORE_REJECTIONS_DAYS), the latest first."""
    after = UUID(read_cursor(QUERY, cursor)[0]) if cursor else None
    found, end = await list_rejections(runtime.database, after, limit)
    data = [RejectionDocument.model_validate(item, from_attributes=True) for item in found]
    return RejectionPage(data=data, next_cursor=write_cursor(QUERY, [str(end)]) if end else None)
