"""The shapes of suppressions: people whose events are dropped."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from app.documents.identities import WantedIdentity
from app.documents.pages import Page
from app.services.suppressions import Suppression

MAX_IDENTITIES = 500


class SuppressionRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    identities: Annotated[list[WantedIdentity], Field(min_length=1, max_length=MAX_IDENTITIES)]


class SuppressionDocument(BaseModel):
    """One identity, which only its hash remembers. `is_effective`: whether it was made with the present secret."""

    id: int
    hash: str
    created_at: datetime
    is_effective: bool

    @classmethod
    def of(cls, suppression: Suppression, secret_id: str | None) -> Self:
        return cls(
            id=suppression.id,
            hash=suppression.hash,
            created_at=suppression.created_at,
            is_effective=suppression.secret_id == secret_id,
        )


class SuppressionPage(Page[SuppressionDocument]):
    pass
