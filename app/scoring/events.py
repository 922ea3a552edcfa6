"""Events and identities: what an accepted message is turned into."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID

from app.scoring.strings import comparable_name, without_gaps

IdentityKind = Literal["user_id", "email", "phone", "anonymous_id"]
IDENTITY_KINDS: tuple[IdentityKind, ...] = get_args(IdentityKind)
"""From the strongest evidence of who a person is to the weakest."""
KNOWN_BY: tuple[IdentityKind, ...] = ("user_id", "email")
"""The kinds that make a lead known rather than anonymous. Several people may share a browser or a telephone."""


class Identity(NamedTuple):
    """One of a person's identities. Its `str()` is its key in storage, such as `email:ada@example.com`."""

    kind: IdentityKind
    value: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


@dataclass(frozen=True, slots=True)
class Event:
    """An accepted message. Times are in UTC.

    `identities` is never empty and ordered from strongest to weakest; the event is stored under the first.
    `trusted` says whether a secret key sent it. (`source`, `message_id`) is unique.
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

    @property
    def group_id(self) -> str | None:
        """The group that a group message is about; None for all other messages."""
        return self.properties.get(GROUP_ID) if self.type == "group" else None


GROUP_ID = "groupId"
"""The property of a group message that names the group. All its other properties are the group's traits."""

MAX_KEY_LENGTH = 600  # stored characters of a key; normalization can turn one ligature into eighteen letters
MAX_TRAIT_LENGTH = 2_048  # characters of a trait's key plus its value in JSON


@lru_cache(maxsize=4096)
def event_name_key(name: str) -> str:
    """The key by which event names match: `Form Submitted`, `form_submitted` and `FORM-SUBMITTED` have the same one.

    Keys are stored, so the key of an ASCII name must never change.
    """
    if name.isascii():
        return without_gaps(name).casefold()
    return comparable_name(name)[:MAX_KEY_LENGTH].rstrip()
