"""One message, as Segment's and RudderStack's libraries send it, turned into an event.

This is the only place that knows the clients' field names. `type` "form" is our own: a post that `forms` has read.
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
from app.protocol.sections import read_section, tidy_traits
from app.protocol.times import first_time, occurred_at, readable_time
from app.protocol.values import as_text, storable
from app.scoring.events import Event, Identity
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
    """Whose key a message came with: the key's name, and whether it is a secret one.

    `phone_region` is the country of phone numbers that come without a country code, such as `DE`.
    """

    source: str
    trusted: bool
    phone_region: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a batch says for all its messages, each of which may say otherwise.

    Its values are checked already but for `timestamp`, whose faults are those of the messages that need it.
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
    type: str | None,  # noqa: A002 - the protocol's own word
    sender: Sender,
    received_at: datetime,
    envelope: Envelope = _NO_ENVELOPE,
    live: bool = True,
) -> Event:
    """The event that a message stands for. `type` is what its path implies (or "form"), None where it tells itself.

    `live`: whether its client has sent it just now, so that `sentAt` tells how wrong the client's clock is. History
    that is imported says nothing about any clock.
    Ids are made in the order of the calls, so that the events of a batch sort as they came. The traits in `context`
    move to the event's traits, and are not kept twice.
    Raises InvalidMessage, whose text names fields and rules and repeats no value.
    """
    message = _check_message(document, envelope)
    message_type = type or _read_type(message)
    context = {**envelope.context, **with_canonical_names(read_section(message, "context"))}
    known_traits = tidy_traits(read_section(context, "traits", "context.traits"))
    context.pop("traits", None)
    # A group's traits are the group's: they are properties of the event, and say nothing about the person.
    own_traits = {} if message_type == "group" else tidy_traits(read_section(message, "traits"))
    event_id = uuid7()
    return Event(
        id=event_id,
        source=sender.source,
        message_id=_read_text(message, "messageId", MAX_MESSAGE_ID_LENGTH) or str(event_id),
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
        hint = ", not a string that holds one" if isinstance(document, str) else ""
        raise InvalidMessage("validation-error", f"A message must be an object{hint}.")
    message = storable(document, exact=_IDS)
    # Only after the check: orjson refuses some of what it finds. The batch's context weighs on each of its messages.
    if len(orjson.dumps(message)) + envelope.context_bytes > MAX_MESSAGE_BYTES:
        raise InvalidMessage("content-too-large", f"A message is at most {MAX_MESSAGE_BYTES:,} bytes: send less in it.")
    return message


def read_type(message: Mapping[str, Any]) -> str | None:
    """The type that a message says it is of, in whatever case; None if it is none of them."""
    told = message.get("type")
    if not isinstance(told, str):
        return None
    message_type = told if told in MESSAGE_TYPES else comparable(told)
    return message_type if message_type in MESSAGE_TYPES else None


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
    """Whether a message or a batch was received before us, by somebody who corrected its times and sent it on later.

    Segment's warehouses write `received_at`.
    """
    return any(readable_time(document.get(field)) for field in ("receivedAt", "received_at"))


def _read_properties(message: Mapping[str, Any], message_type: str) -> dict[str, Any]:
    properties = with_canonical_names(read_section(message, "properties"))
    if message_type == "group":
        return {
            **properties,
            **with_canonical_names(read_section(message, "traits")),
            "groupId": _read_required(message, "groupId"),
        }
    if message_type in ("page", "screen"):
        named = {key: message[key] for key in ("name", "category") if message.get(key) not in _ABSENT}
        return {**named, **properties}
    return properties


def _read_required(message: Mapping[str, Any], key: str) -> str:
    text = _read_text(message, key, MAX_NAME_LENGTH)
    if not text:
        hint = misspelling_hint(message, (key,))
        raise InvalidMessage("validation-error", f"`{key}` is missing: this type of message needs it.{hint}")
    return text


def _read_text(message: Mapping[str, Any], key: str, max_length: int) -> str:
    text = as_text(message.get(key))
    if text is None:
        raise InvalidMessage("validation-error", f"`{key}` must be text.")
    if len(text) > max_length:
        raise InvalidMessage("validation-error", f"`{key}` is longer than {max_length} characters.")
    return text
