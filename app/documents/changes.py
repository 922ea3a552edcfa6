"""Documents for the feed of changes."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from app.services.feed import Change, ChangeType, FeedPage


class ChangeDocument(BaseModel):
    """A change. `position` orders the feed; `id` stays the same wherever the change is sent.

    `data` depends on the type: `stage` (created), `from` and `into` (merged, split), `former_ids` (split), `names`
    (traits), `scores` and `before` (scores), `from`, `to`, `scores` and `notify` (stages), `version` and `rollout_id`
    (models).
    """

    position: int
    id: UUID
    type: ChangeType
    at: datetime
    lead_id: UUID | None
    data: dict[str, Any]

    @classmethod
    def of(cls, position: int, change: Change) -> Self:
        return cls(
            position=position,
            id=change.id,
            type=change.type,
            at=change.at,
            lead_id=change.lead_id,
            data=dict(change.data),
        )


class ChangePage(BaseModel):
    """`next_cursor` is never null: pass it as `after` to continue, now or later."""

    data: list[ChangeDocument]
    next_cursor: str = Field(examples=["4711"])

    @classmethod
    def of(cls, page: FeedPage) -> Self:
        data = [ChangeDocument.of(position, change) for position, change in page.changes]
        return cls(data=data, next_cursor=str(page.position))
