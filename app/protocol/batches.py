"""Many messages in one body: the good ones become events, each bad one is refused alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import orjson

from app.errors import ContentTooLarge, InvalidMessage, LeadscoreError, MalformedJson
from app.protocol.messages import MAX_MESSAGE_BYTES, MAX_MESSAGE_ID_LENGTH, Envelope, Sender, is_forwarded, read_message
from app.protocol.recovery import MAX_MESSAGES, Malformed
from app.protocol.sections import read_section
from app.protocol.times import readable_time
from app.protocol.values import as_text, is_storable, storable
from app.scoring.events import Event
from app.scoring.strings import with_canonical_names


@dataclass(frozen=True, slots=True)
class Refusal:
    """One message that was refused: where it stood in its body, why, and what it was.

    `message_id` and `detail` are safe to store and to show; `body` is as it came, bad characters included;
    of what is not JSON, its text.
    """

    index: int
    message_id: str | None
    code: str
    detail: str
    body: Any

    @classmethod
    def of(cls, body: Any, error: LeadscoreError, index: int = 0) -> Self:
        kept = body.text if isinstance(body, Malformed) else body
        return cls(index=index, message_id=safe_message_id(body), code=error.code, detail=error.detail, body=kept)


@dataclass(frozen=True, slots=True)
class Batch:
    """The outcome for each message of a body, by index: both lists keep the order of the body."""

    accepted: list[tuple[int, Event]]
    refused: list[Refusal]


def read_batch(document: Any, *, sender: Sender, received_at: datetime, live: bool = True) -> Batch:
    """Read each message by itself, over what the batch says for all of them. `live` as for `read_message`.

    Raises InvalidMessage where there is no list of messages, ContentTooLarge for too many or too big a context.
    """
    messages = _read_messages(document)
    try:
        envelope = _read_envelope(document)
    except InvalidMessage as error:  # a fault of them all: told, and kept, with each
        return Batch([], [Refusal.of(message, error, index) for index, message in enumerate(messages)])
    batch = Batch(accepted=[], refused=[])
    for index, message in enumerate(messages):
        try:
            if isinstance(message, Malformed):
                raise message.error
            event = read_message(
                message, type=None, sender=sender, received_at=received_at, envelope=envelope, live=live
            )
        except (InvalidMessage, MalformedJson) as error:
            batch.refused.append(Refusal.of(message, error, index))
        else:
            batch.accepted.append((index, event))
    return batch


def read_single(document: Any, *, type: str, sender: Sender, received_at: datetime) -> Batch:  # noqa: A002 - as there
    """A message that came alone, as the batch of one that it is. `type` as for `read_message`."""
    try:
        event = read_message(document, type=type, sender=sender, received_at=received_at)
    except InvalidMessage as error:
        return Batch([], [Refusal.of(document, error)])
    return Batch([(0, event)], [])


def body_write_key(document: Any) -> str | None:
    """The `writeKey` of a body, of a single message as of a batch."""
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
    # It is kept with every message, so the limit of one holds: 2,500 copies of a large one would be gigabytes.
    if context_bytes > MAX_MESSAGE_BYTES:
        raise ContentTooLarge(f"The batch's `context` is over {MAX_MESSAGE_BYTES:,} bytes: send less in it.")
    return Envelope(
        sent_at=readable_time(document.get("sentAt")),
        timestamp=document.get("timestamp"),
        is_forwarded=is_forwarded(document),
        context=context,
        context_bytes=context_bytes,
    )


def _read_context(document: Mapping[str, Any]) -> dict[str, Any]:
    """The batch's `context`; one that can't be used counts as absent, for the messages are worth more."""
    try:
        return with_canonical_names(storable(read_section(document, "context")))
    except InvalidMessage:
        return {}


def safe_message_id(body: Any) -> str | None:
    text = as_text(body.get("messageId")) if isinstance(body, dict) else None
    return text if text and len(text) <= MAX_MESSAGE_ID_LENGTH and is_storable(text) else None
