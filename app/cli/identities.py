"""Identities among a command's arguments, such as `email:ada@example.com`."""

from app.errors import InvalidMessage, ValidationFailed
from app.protocol.identities import read_identity
from app.scoring.events import IDENTITY_KINDS, Identity
from app.services.runtime import Runtime


def read_argument(runtime: Runtime, text: str) -> Identity:
    """Raises `ValidationFailed`."""
    name, _, value = text.partition(":")
    kind = next((kind for kind in IDENTITY_KINDS if kind == name), None)
    try:
        identity = read_identity(kind, value, phone_region=runtime.settings.phone_region) if kind else None
    except InvalidMessage as error:
        raise ValidationFailed(f"{text}: {error.detail}") from None
    if identity is None:
        kinds = ", ".join(IDENTITY_KINDS)
        raise ValidationFailed(f"`{text}` is not an id or identity: give one of {kinds}, a colon and the value.")
    return identity
