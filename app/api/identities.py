"""Identities in queries: one that is asked for, and the parts of cursors through identities."""

from typing import Annotated

from fastapi import Depends

from app.documents.identities import WantedIdentity
from app.protocol.values import is_storable
from app.scoring.events import IDENTITY_KINDS, IdentityKind


async def _asked_identity(
    user_id: str | None = None, email: str | None = None, phone: str | None = None, anonymous_id: str | None = None
) -> WantedIdentity:
    return WantedIdentity(user_id=user_id, email=email, phone=phone, anonymous_id=anonymous_id)


AskedIdentity = Annotated[WantedIdentity, Depends(_asked_identity)]
"""By the query parameter of its kind."""


def identity_kind(text: str) -> IdentityKind:
    """A kind of part of a cursor. Raises `ValueError`."""
    return IDENTITY_KINDS[IDENTITY_KINDS.index(text)]


def identity_value(text: str) -> str:
    """The same for the value. Raises `ValueError` for what the database can't compare."""
    if not is_storable(text):
        raise ValueError("not storable")
    return text
