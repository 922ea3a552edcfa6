"""Turning one message, in the format of Segment's and RudderStack's libraries, into an event.

The type "form" is our own, for form posts read by `forms`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from uuid_utils.compat import uuid7

from app.errors import InvalidMessage
from app.protocol.identities import read_identities
from app.protocol.misspellings import misspelling_hint
from app.protocol.placeholder_ids import means_nobody
from app.protocol.sections import read_section, tidy_traits
from app.protocol.times import first_time, occurred_at, readable_time
from app.protocol.values import as_text, is_storable, storable
from app.scoring.events import GROUP_ID, Event, Identity
from app.scoring.strings import comparable, with_canonical_names

MAX_MESSAGE_BYTES = 32 * 1024
MAX_MESSAGE_ID_LENGTH = 100
MAX_NAME_LENGTH = 200

MESSAGE_TYPES = ("track", "page", "screen", "identify", "group", "alias")
_FIXED_NAMES = {
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "identify": "Identified",
    "group": "Group Joined",
    "alias": "Aliased",
}
_ABSENT = (None, "")
_IDS = frozenset({"userId", "anonymousId", "previousId"})


@dataclass(frozen=True, slots=True)
class Sender:
    """The key that a message came with: its name as `source`, and whether it is a secret key (`trusted`).

    `phone_region` is the country, such as `DE`, of phone numbers without a country code.
    """

    source: str
    trusted: bool
    phone_region: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A batch's defaults, which each message may override.

    All are checked already except `timestamp`: if it is invalid, only the messages that need it are rejected.
    """

    sent_at: datetime | None = None
    timestamp: Any = None
    is_forwarded: bool = False
    context: Mapping[str, Any] = field(default_factory=dict)
    context_bytes: int = 0


_NO_ENVELOPE = Envelope()


def read_message(
    document: Any,
    *,
    sender: Sender,
    received_at: datetime,
    type: str | None = None,  # noqa: A002 - the protocol's term
    envelope: Envelope = _NO_ENVELOPE,
    live: bool = True,
) -> Event:
    """The event of a message. `type` is the type that the path implies (or "form"); None reads it from the message.

    `live`: the client sent the message just now, so `sentAt` reveals the error of its clock; False for imports. Event
    ids are created in the order of the calls, so that a batch's events sort in the order of its messages. The traits in
    `context` are moved to the event's traits.
    Raises InvalidMessage, whose text names fields and rules but never repeats a value.
    """
    message = _check_message(document, envelope)
    message_type = type or _read_type(message)
    context = {**envelope.context, **with_canonical_names(read_section(message, "context"))}
    known_traits = tidy_traits(read_section(context, "traits", "context.traits"))
    context.pop("traits", None)
    # The traits of a group message describe the group, not the person: they become properties of the event.
    own_traits = {} if message_type == "group" else tidy_traits(read_section(message, "traits"))
    event_id = uuid7()
    return Event(
        id=event_id,
        source=sender.source,
        message_id=_read_message_id(message) or str(event_id),
        type=message_type,
        name=_FIXED_NAMES.get(message_type) or _read_required(message, "event"),
        identities=_read_identities(message, message_type, sender, (own_traits, known_traits)),
        occurred_at=_read_occurred_at(message, envelope, received_at, live=live),
        received_at=received_at,
        trusted=sender.trusted,
        properties=_read_properties(message, message_type),
        context=context,
        traits={**known_traits, **own_traits},
    )


def _check_message(document: Any, envelope: Envelope) -> dict[str, Any]:
    if not isinstance(document, dict):
        hint = ", not a string that contains one" if isinstance(document, str) else ""
        raise InvalidMessage("validation-error", f"A message must be an object{hint}.")
    message = storable(document, exact=_IDS)
    # After the check, because orjson can't write some unstorable values. A batch's context counts for each message.
    if len(orjson.dumps(message)) + envelope.context_bytes > MAX_MESSAGE_BYTES:
        raise InvalidMessage(
            "content-too-large", f"A message can have at most {MAX_MESSAGE_BYTES:,} bytes: send less in it."
        )
    return message


def read_type(message: Mapping[str, Any]) -> str | None:
    """The `type` of a message, in any case; None if it is missing or unknown."""
    value = message.get("type")
    if not isinstance(value, str):
        return None
    message_type = value if value in MESSAGE_TYPES else comparable(value)
    return message_type if message_type in MESSAGE_TYPES else None


def readable_name(document: Any) -> str | None:
    """The event name of a message that may be unusable otherwise. None if it has none, or none that can be stored."""
    if not isinstance(document, dict):
        return None
    name = _FIXED_NAMES.get(read_type(document) or "") or as_text(document.get("event"))
    return name if name and len(name) <= MAX_NAME_LENGTH and is_storable(name) else None


def _read_type(message: Mapping[str, Any]) -> str:
    message_type = read_type(message)
    if message_type is None:
        hint = misspelling_hint(message, ("type",))
        raise InvalidMessage("validation-error", f"`type` must be one of {', '.join(MESSAGE_TYPES)}.{hint}")
    return message_type


def _read_identities(
    message: Mapping[str, Any], message_type: str, sender: Sender, traits: Sequence[Mapping[str, Any]]
) -> tuple[Identity, ...]:
    try:
        return read_identities(
            message,
            message_type=message_type,
            trusted=sender.trusted,
            traits=traits,
            phone_region=sender.phone_region,
        )
    except InvalidMessage as error:
        raise InvalidMessage(error.code, error.detail + misspelling_hint(message, _IDS)) from None


def _read_occurred_at(message: Mapping[str, Any], envelope: Envelope, received_at: datetime, *, live: bool) -> datetime:
    own = ((field, message.get(field)) for field in ("timestamp", "originalTimestamp"))
    claimed = first_time((*own, ("timestamp", envelope.timestamp)))
    if not live or envelope.is_forwarded or is_forwarded(message):
        return occurred_at(claimed, None, received_at)
    return occurred_at(claimed, readable_time(message.get("sentAt")) or envelope.sent_at, received_at)


def is_forwarded(document: Mapping[str, Any]) -> bool:
    """Whether another service received this message or batch first, corrected its times and forwarded it later.

    Segment's warehouses write `received_at`.
    """
    return any(readable_time(document.get(field)) for field in ("receivedAt", "received_at"))


def _read_properties(message: Mapping[str, Any], message_type: str) -> dict[str, Any]:
    properties = with_canonical_names(read_section(message, "properties"))
    if message_type == "group":
        return {
            **properties,
            **with_canonical_names(read_section(message, "traits")),
            GROUP_ID: _read_group_id(message),
        }
    if message_type in ("page", "screen"):
        named = {key: message[key] for key in ("name", "category") if message.get(key) not in _ABSENT}
        return {**named, **properties}
    return properties


def _read_group_id(message: Mapping[str, Any]) -> str:
    group_id = _read_required(message, GROUP_ID)
    if means_nobody(group_id):
        raise InvalidMessage(
            "invalid-identity", "`groupId` is a placeholder, which would join strangers: leave it out."
        )
    return group_id


def _read_required(message: Mapping[str, Any], key: str) -> str:
    text = _read_text(message, key, MAX_NAME_LENGTH)
    if not text:
        hint = misspelling_hint(message, (key,))
        raise InvalidMessage("validation-error", f"`{key}` is missing: this type of message needs it.{hint}")
    return text


def _read_message_id(message: Mapping[str, Any]) -> str | None:
    """None for a placeholder: by the same `undefined`, all later messages would be duplicates of the first."""
    text = _read_text(message, "messageId", MAX_MESSAGE_ID_LENGTH)
    return text if text and (text.isdecimal() or not means_nobody(text)) else None


def _read_text(message: Mapping[str, Any], key: str, max_length: int) -> str:
    text = as_text(message.get(key))
    if text is None:
        raise InvalidMessage("validation-error", f"`{key}` must be text.")
    if len(text) > max_length:
        raise InvalidMessage("validation-error", f"`{key}` is longer than {max_length} characters.")
    return text
