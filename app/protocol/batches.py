"""Batches: many messages in one body. Valid messages become events; invalid ones are rejected individually."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Self

import orjson

from app.errors import ContentTooLarge, InvalidMessage, MalformedJson, UnsafeRedirect
from app.protocol.messages import MAX_MESSAGE_BYTES, MAX_MESSAGE_ID_LENGTH, Envelope, Sender, is_forwarded, read_message
from app.protocol.recovery import MAX_MESSAGES, Malformed
from app.protocol.sections import read_section
from app.protocol.times import readable_time
from app.protocol.values import as_text, is_storable, storable
from app.scoring.events import Event
from app.scoring.strings import with_canonical_names

Refusal = InvalidMessage | MalformedJson | UnsafeRedirect
"""Why a message is not taken. Each has a `MessageCode`."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a body: its position, its original content, and its event or the error that rejects it.

    A quarantined one has both: the event is what it becomes when it is released. `original` is unmodified, bad
    characters included; if it is not JSON, its text.
    """

    index: int
    original: Any
    event: Event | None = None
    error: Refusal | None = None

    @property
    def message_id(self) -> str | None:
        """The client's id for the message, if it is safe to store and to show."""
        text = as_text(self.original.get("messageId")) if isinstance(self.original, dict) else None
        return text if text and len(text) <= MAX_MESSAGE_ID_LENGTH and is_storable(text) else None

    def refuse(self, error: Refusal) -> Self:
        return replace(self, event=None, error=error)


def read_batch(document: Any, *, sender: Sender, received_at: datetime, live: bool = True) -> list[Message]:
    """Read each message separately, with the batch's defaults. `live` as for `read_message`.

    Raises InvalidMessage if there is no list of messages, and ContentTooLarge if there are too many messages or the
    batch's context is too large.
    """
    originals = _read_messages(document)
    envelope = _read_envelope(document)
    read = partial(read_message, sender=sender, received_at=received_at, envelope=envelope, live=live)
    return [_read_one(index, original, read) for index, original in enumerate(originals)]


def read_single(document: Any, *, type: str, sender: Sender, received_at: datetime) -> list[Message]:  # noqa: A002 - as there
    """Read a message that was sent alone. `type` as for `read_message`."""
    return [_read_one(0, document, partial(read_message, type=type, sender=sender, received_at=received_at))]


def _read_one(index: int, original: Any, read: Callable[[Any], Event]) -> Message:
    if isinstance(original, Malformed):
        return Message(index, original.text, error=original.error)
    try:
        return Message(index, original, event=read(original))
    except InvalidMessage as error:
        return Message(index, original, error=error)


def body_write_key(document: Any) -> str | None:
    """The `writeKey` in the body of a single message or of a batch."""
    key = document.get("writeKey") if isinstance(document, dict) else None
    return key if isinstance(key, str) and key else None


def _read_messages(document: Any) -> list[Any]:
    messages = document.get("batch") if isinstance(document, dict) else None
    if not isinstance(messages, list):
        raise InvalidMessage(
            "validation-error", 'The body must be an object whose `batch` is a list of messages: `{"batch": […]}`.'
        )
    if len(messages) > MAX_MESSAGES:
        raise ContentTooLarge(f"A batch has at most {MAX_MESSAGES:,} messages: split it.")
    return messages


def _read_envelope(document: Mapping[str, Any]) -> Envelope:
    context = _read_context(document)
    context_bytes = len(orjson.dumps(context)) if context else 0
    # It is stored with every message, so it has a message's limit: 2,500 copies of a large one would be gigabytes.
    if context_bytes > MAX_MESSAGE_BYTES:
        raise ContentTooLarge(f"The batch's `context` is larger than {MAX_MESSAGE_BYTES:,} bytes: send less in it.")
    return Envelope(
        sent_at=readable_time(document.get("sentAt")),
        timestamp=document.get("timestamp"),
        is_forwarded=is_forwarded(document),
        context=context,
        context_bytes=context_bytes,
    )


def _read_context(document: Mapping[str, Any]) -> dict[str, Any]:
    """The batch's `context`; an unusable one counts as absent, because the messages matter more."""
    try:
        return with_canonical_names(storable(read_section(document, "context")))
    except InvalidMessage:
        return {}
