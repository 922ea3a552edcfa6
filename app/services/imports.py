"""Imports: files of messages, written through the same writer as everything else."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.errors import LeadscoreError
from app.protocol.history import Entry, fingerprint
from app.protocol.messages import Sender, read_message
from app.protocol.values import as_text
from app.scoring.events import Event
from app.services.writer import UNSTORABLE, Writer


@dataclass(frozen=True, slots=True)
class LineRefusal:
    """What can't be used of a file: the line on which it begins, counted from 1, and why."""

    line: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ChunkReceipt:
    """What became of a chunk of entries."""

    accepted: int
    duplicates: int
    refused: tuple[LineRefusal, ...]


class EntryReader:
    """Reads the entries of one file, in order.

    A message without a `messageId` is given one, made of its content and of how often that stood in the file before:
    so a second import of the file finds every message there already.
    """

    def __init__(self, sender: Sender, clock: Callable[[], datetime]) -> None:
        self._sender = sender
        self._clock = clock
        self._seen: Counter[str] = Counter()

    def read(self, entry: Entry) -> tuple[Any, Event]:
        """The message as it is stored, and its event. Raises LeadscoreError."""
        if entry.fault is not None:
            raise entry.fault
        message = entry.message
        if isinstance(message, dict) and as_text(message.get("messageId")) == "":
            message = {**message, "messageId": self._message_id(entry.content)}
        return message, read_message(message, type=None, sender=self._sender, received_at=self._clock(), live=False)

    def _message_id(self, content: bytes) -> str:
        key = fingerprint(content)
        self._seen[key] += 1
        return f"line-{key}-{self._seen[key]}"


class FileImport:
    """The import of one file."""

    def __init__(self, writer: Writer, reader: EntryReader) -> None:
        self._writer = writer
        self._reader = reader

    async def store(self, entries: Sequence[Entry]) -> ChunkReceipt:
        """Store a chunk of entries. When this returns, they are committed."""
        events: dict[UUID, tuple[int, Event]] = {}
        refused: list[LineRefusal] = []
        for entry in entries:
            try:
                _, event = self._reader.read(entry)
            except LeadscoreError as error:
                refused.append(LineRefusal(entry.line, error.code, error.detail))
            else:
                events[event.id] = entry.line, event
        receipt = await self._writer.submit([event for _, event in events.values()])
        refused += [LineRefusal(events[event_id][0], "unstorable", UNSTORABLE) for event_id in receipt.refused]
        return ChunkReceipt(receipt.accepted, receipt.duplicates, tuple(refused))
