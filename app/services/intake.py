"""What becomes of the messages of a request: some its key may not send, some can't be stored, the rest is stored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.errors import InvalidMessage, LeadscoreError
from app.metrics import Metrics
from app.protocol.batches import Batch, Refusal
from app.scoring.events import Event, event_name_key
from app.services.keys import Key
from app.services.rejections import rejections_of
from app.services.writer import UNSTORABLE, Receipt, Writer


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many messages were stored, how many had been before, and which ones were refused, by their index."""

    accepted: int
    duplicates: int
    refused: Sequence[Refusal]


class Intake:
    """Stores what was read, keeps what was refused, and counts both."""

    def __init__(
        self, writer: Writer, metrics: Metrics, clock: Callable[[], datetime], phone_region: str | None
    ) -> None:
        self._writer = writer
        self._metrics = metrics
        self._clock = clock
        self._phone_region = phone_region

    async def accept(self, key: Key, batch: Batch) -> Outcome:
        """Raises `Unavailable`: then none, or not all, are stored, and the same request may be sent again."""
        batch = _allowed(key, batch)
        receipt = Receipt(0, 0, frozenset())
        if batch.accepted or batch.refused:
            rejections = rejections_of(batch.refused, key.name, self._clock(), self._phone_region)
            receipt = await self._writer.submit([event for _, event in batch.accepted], rejections)
        unstorable = _unstorable(batch, receipt)
        if unstorable:
            await self._keep(key, unstorable)
        refused = sorted(batch.refused + unstorable, key=lambda refusal: refusal.index)
        self._metrics.received(receipt.accepted, receipt.duplicates, len(refused))
        return Outcome(receipt.accepted, receipt.duplicates, refused)

    async def quarantine(self, key: Key, message: dict[str, Any]) -> None:
        """Keep what a bot sent for those who look."""
        await self._keep(key, [Refusal.of(message, InvalidMessage("honeypot", "The form's honeypot was filled in."))])
        self._metrics.messages.labels("honeypot").inc()

    async def refuse(self, key: Key, message: dict[str, Any], error: LeadscoreError) -> None:
        """Keep a message that is refused for something beside it."""
        await self._keep(key, [Refusal.of(message, error)])
        self._metrics.received(0, 0, rejected=1)

    async def _keep(self, key: Key, refused: Sequence[Refusal]) -> None:
        await self._writer.submit([], rejections_of(refused, key.name, self._clock(), self._phone_region))


def _allowed(key: Key, batch: Batch) -> Batch:
    """Without the events that the key's allow-list does not name."""
    if key.events is None:
        return batch
    named = {event_name_key(name) for name in key.events}
    refusal = InvalidMessage("event-not-allowed", "This key does not list the event: use another, or one that does.")
    refused = [
        _refusal(index, event, refusal.code, refusal.detail)
        for index, event in batch.accepted
        if event_name_key(event.name) not in named
    ]
    allowed = [(index, event) for index, event in batch.accepted if event_name_key(event.name) in named]
    return Batch(allowed, batch.refused + refused)


def _unstorable(batch: Batch, receipt: Receipt) -> list[Refusal]:
    return [
        _refusal(index, event, "unstorable", UNSTORABLE)
        for index, event in batch.accepted
        if event.id in receipt.refused
    ]


def _refusal(index: int, event: Event, code: str, detail: str) -> Refusal:
    """A refusal of what was an event already, with what the event said for those who look at the rejections."""
    ids: dict[str, str] = {identity.kind: identity.value for identity in event.identities}
    sections = {name: getattr(event, name) for name in ("properties", "context", "traits")}
    body = {"type": event.type, "event": event.name, **ids, **sections}
    return Refusal(index, event.message_id, code, detail, body)
