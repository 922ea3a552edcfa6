"""One message, as Segment's and RudderStack's libraries send it, turned into an event.

This is the only place that knows the clients' field names. `type` "form" is our own: a post that `forms` has read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from uuid_utils.compat import uuid7

from app.errors import InvalidMessage
from app.protocol.identities import read_identities
from app.protocol.times import occurred_at, read_time
from app.protocol.values import as_text, check_values
from app.scoring.events import Event

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


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose key a message came with: the key's name, and whether it is a secret one.

    `phone_region` is the country of phone numbers that come without a country code, such as `DE`.
    """

    source: str
    trusted: bool
    phone_region: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a batch says for all its messages, each of which may say otherwise. Its values are checked already."""

    sent_at: datetime | None = None
    timestamp: datetime | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    context_bytes: int = 0


_NO_ENVELOPE = Envelope()


def read_message(
    document: Any,
    *,
    type: str | None,  # noqa: A002 - the protocol's own word
    sender: Sender,
    received_at: datetime,
    envelope: Envelope = _NO_ENVELOPE,
) -> Event:
    """The event that a message stands for. `type` is what its path implies (or "form"), None where it tells itself.

    Ids are made in the order of the calls, so that the events of a batch sort as they came. The traits in `context`
    move to the event's traits, and are not kept twice.
    Raises InvalidMessage, whose text names fields and rules and repeats no value.
    """
    message = _check_message(document, envelope)
    message_type = type or _read_type(message)
    context = {**envelope.context, **read_section(message, "context")}
    known_traits = read_section(context, "traits", "context.traits")
    context.pop("traits", None)
    # A group's traits are the group's: they are properties of the event, and say nothing about the person.
    own_traits = {} if message_type == "group" else read_section(message, "traits")
    event_id = uuid7()
    return Event(
        id=event_id,
        source=sender.source,
        message_id=_read_text(message, "messageId", MAX_MESSAGE_ID_LENGTH) or str(event_id),
        type=message_type,
        name=_FIXED_NAMES.get(message_type) or _read_required(message, "event"),
        identities=read_identities(
            message,
            message_type=message_type,
            trusted=sender.trusted,
            traits=(own_traits, known_traits),
            phone_region=sender.phone_region,
        ),
        occurred_at=_read_occurred_at(message, envelope, received_at),
        received_at=received_at,
        trusted=sender.trusted,
        properties=_read_properties(message, message_type),
        context=context,
        traits={**known_traits, **own_traits},
    )


def read_section(message: Mapping[str, Any], key: str, path: str | None = None) -> dict[str, Any]:
    """An object within a message, empty where there is none."""
    section = message.get(key)
    if section in _ABSENT:
        return {}
    if not isinstance(section, dict):
        raise InvalidMessage("validation-error", f"`{path or key}` must be an object.")
    return section


def _check_message(document: Any, envelope: Envelope) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise InvalidMessage("validation-error", "A message must be an object.")
    check_values(document)
    # Only after the check: orjson refuses some of what it finds. The batch's context weighs on each of its messages.
    if len(orjson.dumps(document)) + envelope.context_bytes > MAX_MESSAGE_BYTES:
        raise InvalidMessage("content-too-large", f"A message is at most {MAX_MESSAGE_BYTES:,} bytes: send less in it.")
    return document


def _read_type(message: Mapping[str, Any]) -> str:
    message_type = message.get("type")
    if message_type not in MESSAGE_TYPES:
        raise InvalidMessage("validation-error", f"`type` must be one of {', '.join(MESSAGE_TYPES)}.")
    return str(message_type)


def _read_occurred_at(message: Mapping[str, Any], envelope: Envelope, received_at: datetime) -> datetime:
    claimed = read_time(message.get("timestamp"), "timestamp")
    if claimed is None:
        claimed = read_time(message.get("originalTimestamp"), "originalTimestamp") or envelope.timestamp
    sent_at = read_time(message.get("sentAt"), "sentAt") or envelope.sent_at
    return occurred_at(claimed, sent_at, received_at)


def _read_properties(message: Mapping[str, Any], message_type: str) -> dict[str, Any]:
    properties = read_section(message, "properties")
    if message_type == "group":
        return {**properties, **read_section(message, "traits"), "groupId": _read_required(message, "groupId")}
    if message_type in ("page", "screen"):
        named = {key: message[key] for key in ("name", "category") if message.get(key) not in _ABSENT}
        return {**named, **properties}
    return properties


def _read_required(message: Mapping[str, Any], key: str) -> str:
    text = _read_text(message, key, MAX_NAME_LENGTH)
    if not text:
        raise InvalidMessage("validation-error", f"`{key}` is missing: this type of message needs it.")
    return text


def _read_text(message: Mapping[str, Any], key: str, max_length: int) -> str:
    text = as_text(message.get(key))
    if text is None:
        raise InvalidMessage("validation-error", f"`{key}` must be text.")
    if len(text) > max_length:
        raise InvalidMessage("validation-error", f"`{key}` is longer than {max_length} characters.")
    return text
