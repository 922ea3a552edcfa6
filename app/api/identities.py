"""Identities in requests."""

from pydantic import BaseModel, ConfigDict

from app.errors import InvalidMessage, ValidationFailed
from app.protocol.identities import read_identity
from app.scoring.events import IDENTITY_KINDS, Identity, IdentityKind
from app.validation.faults import Fault


class WantedIdentity(BaseModel):
    """Exactly one of these. A phone number without a country code is read as one from LEADSCORE_PHONE_REGION."""

    model_config = ConfigDict(extra="forbid")

    user_id: str | None = None
    email: str | None = None
    phone: str | None = None
    anonymous_id: str | None = None

    def read(self, phone_region: str | None) -> Identity:
        """Raises `ValidationFailed` unless exactly one identity is given, and it is valid."""
        given = [(kind, value) for kind in IDENTITY_KINDS if (value := getattr(self, kind)) is not None]
        if len(given) != 1:
            raise ValidationFailed(f"Give exactly one of {', '.join(IDENTITY_KINDS)}.")
        return identity_of(*given[0], phone_region)


def read_wanted(index: int, wanted: WantedIdentity, phone_region: str | None) -> Identity:
    """One of many: errors name its index."""
    try:
        return wanted.read(phone_region)
    except ValidationFailed as error:
        fault = Fault(f"identities.{index}", error.detail)
        raise ValidationFailed(str(fault), (fault,)) from None


def identity_of(kind: IdentityKind, value: str, phone_region: str | None = None) -> Identity:
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
