"""The parts of cursors through identities."""

from app.protocol.values import is_storable
from app.scoring.events import IDENTITY_KINDS, IdentityKind


def identity_kind(text: str) -> IdentityKind:
    """A kind of part of a cursor. Raises `ValueError`."""
    return IDENTITY_KINDS[IDENTITY_KINDS.index(text)]


def identity_value(text: str) -> str:
    """The same for the value. Raises `ValueError` for what the database can't compare."""
    if not is_storable(text):
        msg = "not storable"
        raise ValueError(msg)
    return text
