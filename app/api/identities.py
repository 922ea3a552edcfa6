"""Identities that requests name: each is read like those in messages."""

from pydantic import BaseModel, ConfigDict

from app.errors import InvalidMessage, ValidationFailed
from app.protocol.identities import read_identity
from app.protocol.values import is_storable
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
        return _read_identity(*given[0], phone_region)


def read_wanted(index: int, wanted: WantedIdentity, phone_region: str | None) -> Identity:
    """One of many: errors name its index."""
    try:
        return wanted.read(phone_region)
    except ValidationFailed as error:
        fault = Fault(f"identities.{index}", error.detail)
        raise ValidationFailed(str(fault), (fault,)) from None


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


def identity_kind(text: str) -> IdentityKind:
    """A kind of part of a cursor. Raises `ValueError`."""
    return IDENTITY_KINDS[IDENTITY_KINDS.index(text)]


def identity_value(text: str) -> str:
    """The same for the value. Raises `ValueError` for what the database can't compare."""
    if not is_storable(text):
        msg = "not storable"
        raise ValueError(msg)
    return text


def read_email(value: str) -> str:
    """The canonical form of an address. Raises `ValidationFailed`."""
    return _read_identity("email", value).value
