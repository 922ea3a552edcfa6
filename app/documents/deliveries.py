"""Documents for deliveries of webhooks."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool

from app.documents.pages import Page
from app.documents.parameters import Moment
from app.documents.periods import check_span
from app.services.deliveries import Delivery, DeliveryFilter, DeliveryState, DeliveryType


class DeliveryDocument(BaseModel):
    """A message for a webhook. `attempts` counts those that ended; `attempted_at` and below are of the latest.

    `answer` is the beginning of the receiver's answer. `id` is that of the delivery; the message's own is `message_id`.
    """

    id: UUID
    webhook_id: UUID
    message_id: UUID = Field(validation_alias="change_id")
    type: str
    lead_id: UUID | None
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    attempted_at: datetime | None
    status: int | None
    error: str | None
    answer: str | None
    seconds: float | None
    body: str

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        return cls.model_validate(delivery, from_attributes=True)


class DeliveryPage(Page[DeliveryDocument]):
    pass


class ReplayRequest(BaseModel, extra="forbid"):
    """Which deliveries to send again: those that match all fields. `dry_run` only counts them."""

    webhook_id: UUID | None = None
    state: DeliveryState | None = Field("dead", description="null: in any state")
    type: DeliveryType | None = None
    lead_id: UUID | None = None
    created_after: Moment | None = None
    created_before: Moment | None = None
    dry_run: StrictBool = False

    def filter(self) -> DeliveryFilter:
        """Raises `ValidationFailed`."""
        check_span(self.created_after, self.created_before, ("created_after", "created_before"))
        return DeliveryFilter(**self.model_dump(exclude={"dry_run"}))


class ReplayDocument(BaseModel):
    """How many deliveries match. `replayed` is false after a dry run."""

    count: int
    replayed: bool
