"""The shape of a lead's identities in answers."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel

from app.documents.pages import Page
from app.scoring.events import IdentityKind
from app.services.lead_identities import LeadIdentity


class IdentityDocument(BaseModel):
    """An identity, and since when it is known.

    `source` is that of the event that it came with: null if that event is no longer the lead's. `merged_from` is the
    lead that brought it in the last merge, at `merged_at`; both are null if it was the lead's from the start, or was
    split from another lead.
    """

    kind: IdentityKind
    value: str
    since: datetime
    source: str | None
    merged_from: UUID | None
    merged_at: datetime | None

    @classmethod
    def of(cls, view: LeadIdentity) -> Self:
        return cls(
            kind=view.identity.kind,
            value=view.identity.value,
            since=view.since,
            source=view.source,
            merged_from=view.merged_from,
            merged_at=view.merged_at,
        )


class IdentityPage(Page[IdentityDocument]):
    pass
