"""Imports: a file of messages, one JSON object a line, written through the same writer as everything else."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.errors import LeadscoreError
from app.protocol.body import parse_json
from app.protocol.messages import Sender, read_message
from app.scoring.events import Event
from app.services.ingest import UNSTORABLE, Writer


@dataclass(frozen=True, slots=True)
class LineRefusal:
    """A line that can't be used, counted from 1, and why."""

    line: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ChunkReceipt:
    """What became of a chunk of lines."""

    accepted: int
    duplicates: int
    refused: tuple[LineRefusal, ...]


class FileImport:
    """The import of one file.

    A line without a `messageId` is given one, made of the line itself and of how often it stood in the file before:
    so a second import of the file finds every message there already.
    """

    def __init__(
        self, writer: Writer, source: str, clock: Callable[[], datetime], phone_region: str | None = None
    ) -> None:
        self._writer = writer
        self._sender = Sender(source, trusted=True, phone_region=phone_region)
        self._clock = clock
        self._seen: Counter[bytes] = Counter()
        self._line = 0

    async def store(self, lines: Sequence[bytes]) -> ChunkReceipt:
        """Store a chunk of lines. When this returns, they are committed."""
        events: dict[UUID, tuple[int, Event]] = {}
        refused: list[LineRefusal] = []
        for number, line in enumerate(lines, start=self._line + 1):
            try:
                event = self._read(line)
            except LeadscoreError as error:
                refused.append(LineRefusal(number, error.code, error.detail))
            else:
                if event is not None:
                    events[event.id] = number, event
        self._line += len(lines)
        receipt = await self._writer.submit([event for _, event in events.values()])
        refused += [LineRefusal(events[event_id][0], "unstorable", UNSTORABLE) for event_id in receipt.refused]
        return ChunkReceipt(receipt.accepted, receipt.duplicates, tuple(refused))

    def _read(self, line: bytes) -> Event | None:
        if not line.strip():
            return None
        document = parse_json(line.rstrip(), "This line")
        if isinstance(document, dict) and not document.get("messageId"):
            document = {**document, "messageId": self._message_id(line.strip())}
        return read_message(document, type=None, sender=self._sender, received_at=self._clock())

    def _message_id(self, line: bytes) -> str:
        digest = hashlib.blake2b(line, digest_size=16).digest()
        self._seen[digest] += 1
        return f"line-{digest.hex()}-{self._seen[digest]}"
