"""The shapes of identities: those that requests name, read like those in messages, and those of a lead."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field

from app.documents.pages import Page
from app.errors import InvalidMessage, ValidationFailed
from app.protocol.identities import read_identity
from app.scoring.events import IDENTITY_KINDS, Identity, IdentityKind
from app.services.lead_identities import LeadIdentity
from app.validation.faults import Fault


class WantedIdentity(BaseModel, extra="forbid"):
    """Exactly one of these. A phone number without a country code is read as one from LEADSCORE_PHONE_REGION."""

    user_id: str | None = None
    email: str | None = None
    phone: str | None = None
    anonymous_id: str | None = None

    def read(self, phone_region: str | None) -> Identity:
        """Raises `ValidationFailed` unless exactly one identity is given, and it is valid."""
        given = [(kind, value) for kind in IDENTITY_KINDS if (value := getattr(self, kind)) is not None]
        if len(given) != 1:
            raise ValidationFailed(f"Give exactly one of {', '.join(IDENTITY_KINDS)}.")
        return _read_identity(*given[0], phone_region)


WantedIdentities = Annotated[list[WantedIdentity], Field(min_length=1, max_length=500)]


def read_all(wanted: Iterable[WantedIdentity], phone_region: str | None) -> list[Identity]:
    """Raises `ValidationFailed`, which names the index of the first that is invalid."""
    found = []
    for index, each in enumerate(wanted):
        try:
            found.append(each.read(phone_region))
        except ValidationFailed as error:
            raise ValidationFailed.of(Fault(f"identities.{index}", error.detail)) from None
    return found


def read_email(value: str) -> str:
    """The canonical form of an address. Raises `ValidationFailed`."""
    return _read_identity("email", value).value


def _read_identity(kind: IdentityKind, value: str, phone_region: str | None = None) -> Identity:
    try:
        identity = read_identity(kind, value, phone_region=phone_region)
    except InvalidMessage as error:
        raise ValidationFailed(error.detail) from None
    if identity is None:
        raise ValidationFailed(f"`{kind}` does not identify a person{_hint(kind, value)}.")
    return identity


def _hint(kind: IdentityKind, value: str) -> str:
    if kind == "phone" and "+" not in value:
        return ": write it with its country code, such as +4930123456; in a query, `+` is written %2B"
    return "; in a query, `+` is written %2B" if " " in value.strip() else ""


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
