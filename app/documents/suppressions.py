"""The shapes of suppressions: people whose events are dropped."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from app.documents.identities import WantedIdentities
from app.documents.pages import Page
from app.services.suppressions import Suppression


class SuppressionRequest(BaseModel, extra="forbid"):
    identities: WantedIdentities


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
