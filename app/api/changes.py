"""The feed over HTTP: a page at a time, waiting for it if asked, or as a stream of server-sent events."""

from collections.abc import AsyncIterator
from time import monotonic
from typing import Annotated, Any

from fastapi import Header, Query
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from app.api.access import CurrentRuntime, Reader
from app.api.problems import Problem
from app.api.routes import strict_router
from app.documents.changes import ChangeDocument, ChangePage
from app.errors import LeadscoreError
from app.services.feed import ChangeType, Feed, FeedPage, Filter
from app.validation.error_messages import EVENT_ID_PATTERN, POSITION_PATTERN
from app.validation.numbers import AsNumber, AsWholeNumber

MAX_LIMIT = 1_000
MAX_WAIT_S = 30
EVENT_STREAM = "text/event-stream"
HEARTBEAT_S = 15
"""How often a stream without changes sends something, so that proxies don't close it."""

MAX_STREAM_S = 600
"""How long a stream lasts. Clients reconnect by themselves, and their key is checked again."""

router = strict_router("/v1/changes", "changes", Reader, responses={410: {"model": Problem}})

After = Annotated[
    str,
    Query(
        pattern=POSITION_PATTERN,
        description="The last `next_cursor`. Empty: from the oldest change that is kept; `latest`: from now on.",
    ),
]
LastEventId = Annotated[
    str, Header(pattern=EVENT_ID_PATTERN, description="Sent by clients of event streams; as `after`.")
]
Types = Annotated[list[ChangeType] | None, Query(description="Only changes of this type, or of any of these.")]
Stages = Annotated[list[str] | None, Query(description="Only changes into this stage, or into any of these.")]
Wait = Annotated[float, Query(ge=0, le=MAX_WAIT_S, description="How long to wait for a change, in seconds."), AsNumber]


@router.get("", response_model=ChangePage)
async def list_changes(
    runtime: CurrentRuntime,
    after: After = "",
    types: Types = None,
    stage: Stages = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT), AsWholeNumber] = 100,
    wait: Wait = 0,
    last_event_id: LastEventId = "",
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Any:
    """Every change of a lead and every published model, each once and in the order of commits.

    A page may be empty although more changes follow, if few of them are wanted: continue while `next_cursor` changes.
    With `Accept: text/event-stream`, the changes are sent as they happen; `limit` and `wait` are ignored.
    """
    feed, wanted = runtime.feed, Filter(types or (), stage or ())
    position = await _position(feed, last_event_id or after)
    if EVENT_STREAM not in accept:
        return ChangePage.of(await feed.follow(position, wanted, limit, wait))
    page = await feed.read(position, wanted, MAX_LIMIT)  # here, so that a position that is too old is an error answer
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the latter is nginx's
    return StreamingResponse(_stream(feed, page, wanted), media_type=EVENT_STREAM, headers=headers)


async def _position(feed: Feed, after: str) -> int | None:
    if after == "latest":
        return (await feed.bounds()).last
    return int(after) if after else None


async def _stream(feed: Feed, page: FeedPage, wanted: Filter) -> AsyncIterator[bytes]:
    """Ends without an error if the database is unreachable: the client reconnects and gets a 503."""
    end = monotonic() + MAX_STREAM_S
    while True:
        for position, change in page.changes:
            document = ChangeDocument.of(position, change)
            yield format_sse_event(id=str(position), event=change.type, data_str=document.model_dump_json())
        if not page.changes:
            yield format_sse_event(id=str(page.position))  # no event, but the client will resume here
        if monotonic() > end or feed.is_closed:
            return
        try:
            page = await feed.follow(page.position, wanted, MAX_LIMIT, HEARTBEAT_S)
        except LeadscoreError:
            return
