"""Cursors: where a page ended, as text that a client hands back unread. One that was altered is refused."""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from app.errors import MalformedRequest

DIGEST_BYTES = 6


def write_cursor(query: object, position: list[Any]) -> str:
    """`query` is what the list was asked for: the cursor of one question is no answer to another."""
    payload = json.dumps(position, separators=(",", ":")).encode()
    digest = hashlib.blake2b(repr(query).encode() + payload, digest_size=DIGEST_BYTES).digest()
    return base64.urlsafe_b64encode(digest + payload).decode().rstrip("=")


def read_cursor(query: object, cursor: str, *kinds: Callable[[Any], Any]) -> tuple[Any, ...]:
    """The position, each of its parts read by its kind. The digest is no secret: anybody can make up a cursor."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position = json.loads(raw[DIGEST_BYTES:])
    except ValueError:  # which binascii.Error is too
        raise _unusable() from None
    # Written anew, and not its digest alone: the decoder overlooks characters that do not belong.
    if not isinstance(position, list) or write_cursor(query, position) != cursor:
        raise _unusable()
    try:
        return tuple([kind(part) for kind, part in zip(kinds, position, strict=True)])
    except (AttributeError, OverflowError, TypeError, ValueError):
        raise _unusable() from None


def moment(text: str) -> datetime:
    """A kind of part: a time in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _unusable() -> MalformedRequest:
    return MalformedRequest("`cursor` is not one that this list gave for these filters: begin without it.")
