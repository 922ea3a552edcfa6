"""Rejections: what was refused is kept for a while, for those who ask why."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from app.protocol.batches import Refusal
from app.protocol.identities import readable_identities
from app.storage import rejections as rejection_store
from app.storage.db import Database
from app.storage.rejections import Rejection

MAX_BODY_LENGTH = 32 * 1024
MAX_DETAIL_LENGTH = 1_000


def rejections_of(
    refusals: Iterable[Refusal], source: str, received_at: datetime, phone_region: str | None = None
) -> list[Rejection]:
    return [
        Rejection(
            id=uuid7(),
            source=source,
            received_at=received_at,
            code=refusal.code,
            detail=refusal.detail[:MAX_DETAIL_LENGTH],
            message_id=refusal.message_id,
            # ASCII with escapes, for it may hold just those characters for which it was refused
            body=json.dumps(refusal.body)[:MAX_BODY_LENGTH],
            identities=[str(each) for each in readable_identities(refusal.body, phone_region=phone_region)],
        )
        for refusal in refusals
    ]


async def list_rejections(database: Database, after: UUID | None, limit: int) -> tuple[list[Rejection], UUID | None]:
    """A page, the latest first, and where it ends unless it is the last."""
    async with database.read() as connection:
        found = await rejection_store.page(connection, after, limit + 1)
    return found[:limit], found[limit - 1].id if len(found) > limit else None


async def prune_rejections(database: Database, now: datetime, days: int) -> int:
    async with database.write() as connection:
        return await rejection_store.prune(connection, now - timedelta(days=days))


__all__ = ["Rejection", "list_rejections", "prune_rejections", "rejections_of"]
