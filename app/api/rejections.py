"""Rejections over HTTP: refused messages and the reasons, and releasing those that were quarantined."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import Depends, Query

from app.api.access import AdminKey, CurrentRuntime, Reader
from app.api.cursors import read_cursor, write_cursor
from app.api.parameters import Cursor, Limit
from app.api.routes import strict_router
from app.documents.parameters import Moment, Storable
from app.documents.periods import check_span
from app.documents.rejections import (
    RejectionCount,
    RejectionCounts,
    RejectionDocument,
    RejectionPage,
    ReleaseDocument,
    ReleaseRequest,
)
from app.services import rejections as rejection_service
from app.services.rejections import MessageCode, RejectionFilter
from app.services.releases import Release
from app.services.runtime import Runtime

log = structlog.get_logger()

QUERY = "rejections"

router = strict_router("/v1/rejections", "rejections")


Text = Annotated[str, Query(min_length=1, max_length=200), Storable]


async def read_filter(
    code: Annotated[list[MessageCode] | None, Query(description="Repeatable: any of these.")] = None,
    source: Annotated[Text | None, Query(description="The name of the key that the message came with.")] = None,
    since: Annotated[Moment | None, Query(alias="from", description="Received then or later.")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Received before that.")] = None,
    q: Annotated[Text | None, Query(description="The message's id or its event name.")] = None,
) -> RejectionFilter:
    check_span(since, until)
    wanted = rejection_service.matching(q) if q else RejectionFilter()
    return replace(wanted, codes=tuple(code or ()), source=source, since=since, until=until)


Wanted = Annotated[RejectionFilter, Depends(read_filter)]


@router.get("", dependencies=[Reader])
async def list_rejections(
    runtime: CurrentRuntime, wanted: Wanted, limit: Limit = 50, cursor: Cursor = None
) -> RejectionPage:
    """Messages refused in the last 30 days (LEADSCORE_REJECTIONS_DAYS), latest first."""
    query = (QUERY, wanted)
    (after,) = read_cursor(query, cursor, UUID) if cursor else (None,)
    page = await rejection_service.list_rejections(runtime.database, wanted, after, limit)
    more = write_cursor(query, [str(page.last.id)]) if page.last else None
    return RejectionPage(data=list(map(RejectionDocument.of, page.items)), next_cursor=more)


@router.get("/counts", dependencies=[Reader])
async def count_rejections(runtime: CurrentRuntime, wanted: Wanted) -> RejectionCounts:
    """How many messages were refused for each reason, the most frequent first."""
    counts = await rejection_service.count_rejections(runtime.database, wanted)
    data = [RejectionCount(code=code, count=count) for code, count in counts.items()]
    return RejectionCounts(data=data, next_cursor=None)


@router.post("/release")
async def release_rejections(runtime: CurrentRuntime, wanted: ReleaseRequest, key: AdminKey) -> ReleaseDocument:
    """Let quarantined messages count, the oldest 2,500 that match. Count them first with `dry_run`."""
    if wanted.dry_run:
        return await count_releasable(runtime, wanted.wanted())
    return await release(runtime, wanted.wanted(), f"key {key.id}")


async def count_releasable(runtime: Runtime, wanted: RejectionFilter) -> ReleaseDocument:
    return ReleaseDocument.of(await runtime.releases.count(wanted), dry_run=True)


async def release(runtime: Runtime, wanted: RejectionFilter, by: str) -> ReleaseDocument:
    """`by` is for the log, which has no personal data."""
    return _logged(await runtime.releases.release(wanted, runtime.clock()), by)


async def release_confirmed(runtime: Runtime, wanted: RejectionFilter, digest: str, by: str) -> ReleaseDocument | None:
    """As above, but only the batch with this digest. None if other messages match by now."""
    done = await runtime.releases.release_confirmed(wanted, digest, runtime.clock())
    return _logged(done, by) if done else None


def _logged(done: Release, by: str) -> ReleaseDocument:
    document = ReleaseDocument.of(done, dry_run=False)
    log.info("quarantined messages released", by=by, **document.model_dump(exclude={"dry_run"}))
    return document
