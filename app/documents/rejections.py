"""Documents for refused messages."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel

from app.documents.pages import Page, WholeList
from app.services.rejections import Rejection


class RejectionDocument(BaseModel):
    """`body` is the message as JSON text, truncated if it was too long to store."""

    id: UUID
    source: str
    received_at: datetime
    code: str
    detail: str
    message_id: str | None
    body: str

    @classmethod
    def of(cls, rejection: Rejection) -> Self:
        return cls.model_validate(rejection, from_attributes=True)


class RejectionPage(Page[RejectionDocument]):
    pass


class RejectionCount(BaseModel):
    code: str
    count: int


class RejectionCounts(WholeList[RejectionCount]):
    pass
