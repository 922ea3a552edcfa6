"""Activity over HTTP: what came in each minute or hour from each source."""

from typing import Annotated

from fastapi import Query

from app.api.access import CurrentRuntime, Reader
from app.api.routes import strict_router
from app.documents.activity import ActivityDocument
from app.documents.parameters import Moment
from app.services.activity import TimeUnit, read_activity, read_span

router = strict_router("/v1/activity", "operations", Reader)


@router.get("")
async def get_activity(
    runtime: CurrentRuntime,
    since: Annotated[Moment | None, Query(alias="from", description="Default: an hour or a day before `to`.")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Default: now.")] = None,
    by: TimeUnit = "minute",
) -> ActivityDocument:
    """How many messages were accepted, duplicates, rejected or quarantined, by time and source.

    By minute, it covers at most 6 hours; by hour, at most 7 days.
    """
    span = read_span(since, until, by, runtime.clock())
    return ActivityDocument.of(span, await read_activity(runtime.database, span))
