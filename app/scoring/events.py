"""Events and identities: what a message is once it has become a fact."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID

from app.scoring.strings import comparable_name, without_gaps

IdentityKind = Literal["user_id", "email", "phone", "anonymous_id"]
IDENTITY_KINDS: tuple[IdentityKind, ...] = get_args(IdentityKind)
"""From the strongest claim on who a person is to the weakest."""
KNOWN_BY: tuple[IdentityKind, ...] = ("user_id", "email")
"""A lead that has an identity of such a kind is known. A browser or a telephone is often used by several people."""


class Identity(NamedTuple):
    """One way in which a person is known. `str()` of it is its key in storage, such as `email:ada@example.com`."""

    kind: IdentityKind
    value: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


@dataclass(frozen=True, slots=True)
class Event:
    """A message that was accepted, with its times in UTC.

    `identities` is never empty and stands strongest first: the event is filed under the first.
    `trusted` tells whether a secret key sent it. (`source`, `message_id`) is unique.
    """

    id: UUID
    source: str
    message_id: str
    type: str
    name: str
    identities: tuple[Identity, ...]
    occurred_at: datetime
    received_at: datetime
    trusted: bool
    properties: Mapping[str, Any]
    context: Mapping[str, Any]
    traits: Mapping[str, Any]


MAX_KEY_LENGTH = 600  # characters that storage keeps of a key; a ligature can become eighteen letters
MAX_TRAIT_LENGTH = 2_048  # characters of a trait's key and, in JSON, its value


@lru_cache(maxsize=4096)
def event_name_key(name: str) -> str:
    """What makes two event names one: `Form Submitted`, `form_submitted` and `FORM-SUBMITTED` have the same key.

    Keys are stored. That of a name in ASCII never changes.
    """
    if name.isascii():
        return without_gaps(name).casefold()
    return comparable_name(name)[:MAX_KEY_LENGTH].rstrip()
