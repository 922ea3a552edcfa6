"""Intake: store the messages of a request, keep those that are refused, and count both."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.errors import InvalidMessage
from app.metrics import Metrics
from app.protocol.batches import Message, Refusal
from app.scoring.events import event_name_key
from app.services.keys import Key
from app.services.rejections import rejections_of
from app.services.writer import Receipt, Writer

UNSTORABLE = InvalidMessage("unstorable", "The database can't store one of the values in this message.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many messages were stored, how many were duplicates, and which ones were refused."""

    accepted: int
    duplicates: int
    refused: Sequence[Message]

    @classmethod
    def of(cls, messages: Collection[Message], receipt: Receipt) -> "Outcome":
        """The outcome of messages whose events were submitted. Those that the database can't store are refused too."""
        settled = [
            message.refuse(UNSTORABLE) if message.event is not None and message.event.id in receipt.refused else message
            for message in messages
        ]
        return cls(receipt.accepted, receipt.duplicates, [message for message in settled if message.event is None])


class Intake:
    """Stores messages and keeps refused ones. `now` is always the time at which the request was received."""

    def __init__(self, writer: Writer, metrics: Metrics, phone_region: str | None) -> None:
        self._writer = writer
        self._metrics = metrics
        self._phone_region = phone_region

    async def accept(
        self, key: Key, messages: Sequence[Message], now: datetime, suspicion: InvalidMessage | None = None
    ) -> Outcome:
        """Raises `Unavailable` if some or all messages were not stored; sending the same request again is safe.

        With a `suspicion`, which says why they seem to be a bot's, they are quarantined.
        """
        messages = _apply_allow_list(key, messages)
        if suspicion is not None:
            return await self._quarantine(key, messages, suspicion, now)
        events = [message.event for message in messages if message.event is not None]
        refused = [message for message in messages if message.event is None]
        receipt = Receipt(0, 0, frozenset())
        if messages:
            receipt = await self._writer.submit(events, rejections_of(refused, key.name, now, self._phone_region))
        outcome = Outcome.of(messages, receipt)
        if receipt.refused:
            await self._keep(key, [message for message in outcome.refused if message.error is UNSTORABLE], now)
        self._metrics.received(outcome.accepted, outcome.duplicates, len(outcome.refused))
        return outcome

    async def refuse(self, key: Key, message: dict[str, Any], error: Refusal, now: datetime) -> None:
        """Keep a message that is refused for a reason other than its content."""
        await self._keep(key, [Message(0, message, error=error)], now)
        self._metrics.received(rejected=1)

    async def _quarantine(
        self, key: Key, messages: Sequence[Message], suspicion: InvalidMessage, now: datetime
    ) -> Outcome:
        """Keep messages with the events that they would be. The outcome is success, so that a bot learns nothing."""
        if messages:
            await self._keep(key, [replace(message, error=suspicion) for message in messages], now)
        self._metrics.received(quarantined=len(messages))
        return Outcome(accepted=len(messages), duplicates=0, refused=())

    async def _keep(self, key: Key, refused: Sequence[Message], now: datetime) -> None:
        await self._writer.submit([], rejections_of(refused, key.name, now, self._phone_region))


def _apply_allow_list(key: Key, messages: Sequence[Message]) -> Sequence[Message]:
    """Refuse events that are not in the key's allow-list."""
    if key.events is None:
        return messages
    allowed = {event_name_key(name) for name in key.events}
    error = InvalidMessage(
        "event-not-allowed",
        "This key may not send this event. Use a key whose `events` include it, or one without `events`.",
    )
    return [
        message.refuse(error)
        if message.event is not None and event_name_key(message.event.name) not in allowed
        else message
        for message in messages
    ]
