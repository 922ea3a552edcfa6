"""Imports: files of messages, stored by the same writer as requests."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from app.errors import InvalidMessage, MalformedJson
from app.protocol.batches import Message
from app.protocol.history import Entry, fingerprint
from app.protocol.messages import Sender, read_message
from app.protocol.values import as_text
from app.scoring.events import Event
from app.services.intake import Outcome
from app.services.writer import Writer


class EntryReader:
    """Reads the entries of one file, in order.

    A message without a `messageId` gets one derived from its content and from how many times that content has already
    occurred in the file, so that importing the file again only produces duplicates.
    """

    def __init__(self, sender: Sender, clock: Callable[[], datetime]) -> None:
        self._sender = sender
        self._clock = clock
        self._occurrences: Counter[str] = Counter()

    def read(self, entry: Entry) -> tuple[Any, Event]:
        """The message with its `messageId`, and its event. Raises `InvalidMessage` or `MalformedJson`."""
        if entry.fault is not None:
            raise entry.fault
        message = entry.message
        if isinstance(message, dict) and as_text(message.get("messageId")) == "":
            message = {**message, "messageId": self._message_id(entry.content)}
        return message, read_message(message, sender=self._sender, received_at=self._clock(), live=False)

    def _message_id(self, content: bytes) -> str:
        key = fingerprint(content)
        self._occurrences[key] += 1
        return f"line-{key}-{self._occurrences[key]}"


class FileImport:
    """The import of one file."""

    def __init__(self, writer: Writer, reader: EntryReader) -> None:
        self._writer = writer
        self._reader = reader

    async def store(self, entries: Sequence[Entry]) -> Outcome:
        """Store a chunk of entries and return once they are committed. Refused messages are indexed by line number."""
        messages = [self._read(entry) for entry in entries]
        receipt = await self._writer.submit([message.event for message in messages if message.event is not None])
        return Outcome.of(messages, receipt)

    def _read(self, entry: Entry) -> Message:
        try:
            message, event = self._reader.read(entry)
        except (InvalidMessage, MalformedJson) as error:
            return Message(entry.line, entry.message, error=error)
        return Message(entry.line, message, event=event)
