"""The entries of an import: one per message, with its place in the file and the content that identifies it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from app.errors import InvalidMessage, MalformedJson
from app.protocol.body import parse_json


@dataclass(frozen=True, slots=True)
class Entry:
    """A message, or the fault that makes it unusable.

    `line` is the physical line on which it begins, counted from 1. The message id is derived from `content` if the
    message has none.
    """

    line: int
    message: Any = None
    content: bytes = b""
    fault: InvalidMessage | MalformedJson | None = None


_IS_BATCH = "This line is a batch: run jq -c '.batch[]' FILE > FILE.jsonl, and import that."


def read_json_lines(lines: Iterable[bytes]) -> Iterator[Entry]:
    """Read one JSON message per line. Blank lines are skipped."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _read_json(number, line)


def fingerprint(content: bytes) -> str:
    """32 hexadecimal characters, the same for the same content in every import."""
    return blake2b(content, digest_size=16).hexdigest()


def _read_json(number: int, line: bytes) -> Entry:
    try:
        message = parse_json(line.rstrip(), "This line")
    except MalformedJson as fault:
        return Entry(number, fault=fault)
    if isinstance(message, dict) and isinstance(message.get("batch"), list) and "type" not in message:
        return Entry(number, fault=InvalidMessage("validation-error", _IS_BATCH))
    return Entry(number, message, line.strip())
