"""Transitions of all leads over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.api.access import CurrentRuntime, Reader
from app.api.cursors import moment, read_cursor, write_cursor
from app.api.parameters import Limit
from app.api.routes import strict_router
from app.documents.leads import TransitionDocument, TransitionPage
from app.documents.parameters import Day
from app.documents.periods import check_days
from app.services.transitions import Position, TransitionFilter, read_transitions

router = strict_router("/v1/transitions", "leads", Reader)


@router.get("")
async def list_transitions(
    runtime: CurrentRuntime,
    stage: Annotated[list[str] | None, Query(description="Into this stage, or into any of these.")] = None,
    first: Annotated[Day | None, Query(alias="from", description="The first day in UTC.")] = None,
    last: Annotated[Day | None, Query(alias="to", description="The last day in UTC.")] = None,
    limit: Limit = 50,
    after: Annotated[str | None, Query(max_length=500, description="The last `next_cursor`.")] = None,
) -> TransitionPage:
    """Every lead's changes of stage, the earliest first. For polling, use `/v1/changes`, which misses none."""
    check_days(first, last)
    wanted = TransitionFilter(stage, first, last)
    start = Position(*read_cursor(wanted, after, moment, UUID, parameter="after")) if after else None
    page = await read_transitions(runtime.database, runtime.models, wanted, start, limit)
    more = write_cursor(wanted, [page.last.transition.at.isoformat(), str(page.last.id)]) if page.last else None
    return TransitionPage(data=list(map(TransitionDocument.of, page.items)), next_cursor=more)
