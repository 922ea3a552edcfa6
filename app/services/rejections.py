"""Rejections: what was refused is kept for a while, for those who ask why."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from app.errors import MessageCode
from app.protocol.batches import Message
from app.protocol.identities import readable_identities
from app.protocol.messages import readable_name
from app.scoring.events import event_name_key
from app.services.pages import Page, fetch_page
from app.storage import rejections as rejection_store
from app.storage.db import Database
from app.storage.rejections import Rejection, RejectionFilter, event_to_text

MAX_BODY_LENGTH = 32 * 1024
MAX_DETAIL_LENGTH = 1_000


def rejections_of(
    refused: Iterable[Message], source: str, received_at: datetime, phone_region: str | None = None
) -> list[Rejection]:
    return [
        Rejection(
            id=uuid7(),
            source=source,
            received_at=received_at,
            code=message.error.code,
            detail=message.error.detail[:MAX_DETAIL_LENGTH],
            message_id=message.message_id,
            # ASCII with escapes: it may hold the very characters for which it was refused
            body=json.dumps(message.original)[:MAX_BODY_LENGTH],
            name_key=_name_key(message),
            identities=list(dict.fromkeys(_identities(message, phone_region))),
            event=message.event,
        )
        for message in refused
        if message.error is not None
    ]


def _identities(message: Message, phone_region: str | None) -> Iterator[str]:
    """The people in the message. Those in the context of its batch are only in the event."""
    yield from map(str, readable_identities(message.original, phone_region=phone_region))
    yield from map(str, message.event.identities if message.event else ())


def _name_key(message: Message) -> str | None:
    name = readable_name(message.original)
    return None if name is None else event_name_key(name)


def matching(text: str) -> RejectionFilter:
    """The rejections of a message id, or of an event name, written as it may be."""
    return RejectionFilter(message_id=text, name_key=event_name_key(text))


async def list_rejections(
    database: Database, wanted: RejectionFilter, after: UUID | None, limit: int
) -> Page[Rejection]:
    """The latest first."""
    async with database.read() as connection:
        return await fetch_page(lambda count: rejection_store.page(connection, wanted, after, count), limit)


async def count_rejections(database: Database, wanted: RejectionFilter) -> Mapping[str, int]:
    """By code, the most frequent first."""
    async with database.read() as connection:
        return await rejection_store.count_by_code(connection, wanted)


async def prune_rejections(database: Database, now: datetime, days: int) -> int:
    async with database.write() as connection:
        return await rejection_store.prune(connection, now - timedelta(days=days))


__all__ = [
    "MessageCode",
    "Rejection",
    "RejectionFilter",
    "count_rejections",
    "event_to_text",
    "list_rejections",
    "matching",
    "prune_rejections",
    "rejections_of",
]
