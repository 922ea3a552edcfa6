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
        return Entry(number, parse_json(line.rstrip(), "This line"), line.strip())
    except MalformedJson as fault:
        return Entry(number, fault=fault)
