"""Rejections: what was refused is kept for a while, for those who ask why."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from app.protocol.batches import Message
from app.protocol.identities import readable_identities
from app.services.pages import Page, fetch_page
from app.storage import rejections as rejection_store
from app.storage.db import Database
from app.storage.rejections import Rejection

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
            identities=[str(each) for each in readable_identities(message.original, phone_region=phone_region)],
        )
        for message in refused
        if message.error is not None
    ]


async def list_rejections(database: Database, after: UUID | None, limit: int) -> Page[Rejection]:
    """The latest first."""
    async with database.read() as connection:
        return await fetch_page(lambda count: rejection_store.page(connection, after, count), limit)


async def prune_rejections(database: Database, now: datetime, days: int) -> int:
    async with database.write() as connection:
        return await rejection_store.prune(connection, now - timedelta(days=days))


__all__ = ["Rejection", "list_rejections", "prune_rejections", "rejections_of"]
