"""What an import reads, one entry a message: where it stands in the file, and what tells it from others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from app.errors import LeadscoreError, MalformedJson
from app.protocol.body import parse_json


@dataclass(frozen=True, slots=True)
class Entry:
    """A message, or the fault that keeps it from being one.

    `line` is the physical line on which it begins, counted from 1. `content` is what the message id is made of if the
    message brings none.
    """

    line: int
    message: Any = None
    content: bytes = b""
    fault: LeadscoreError | None = None


def read_json_lines(lines: Iterable[bytes]) -> Iterator[Entry]:
    """One message a line, as JSON. Blank lines hold none."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _read_json(number, line)


def fingerprint(content: bytes) -> str:
    """32 characters that are the same for the same content, in every import."""
    return blake2b(content, digest_size=16).hexdigest()


def _read_json(number: int, line: bytes) -> Entry:
    try:
        return Entry(number, parse_json(line.rstrip(), "This line"), line.strip())
    except MalformedJson as fault:
        return Entry(number, fault=fault)
