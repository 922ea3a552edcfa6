"""Cursors: the end of a page, as opaque text that the client sends back. Altered cursors are refused."""

import base64
import hashlib
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from app.errors import MalformedRequest

DIGEST_BYTES = 6


def write_cursor(query: object, position: list[Any]) -> str:
    """`query` identifies the list and its filters: a cursor is valid only for the query that it came from."""
    payload = json.dumps(position, separators=(",", ":")).encode()
    digest = hashlib.blake2b(repr(query).encode() + payload, digest_size=DIGEST_BYTES).digest()
    return base64.urlsafe_b64encode(digest + payload).decode().rstrip("=")


def read_cursor(query: object, cursor: str, *kinds: Callable[[Any], Any], parameter: str = "cursor") -> tuple[Any, ...]:
    """The position, each part converted by its kind. Raises `MalformedRequest`.

    The digest is not a signature: anybody can forge a cursor.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position = json.loads(raw[DIGEST_BYTES:])
    except ValueError:  # includes binascii.Error
        raise _unusable(parameter) from None
    # Compare the whole cursor, not only its digest: the decoder ignores invalid characters.
    if not isinstance(position, list) or write_cursor(query, position) != cursor:
        raise _unusable(parameter)
    try:
        return tuple([kind(part) for kind, part in zip(kinds, position, strict=True)])
    except (AttributeError, OverflowError, TypeError, ValueError):
        raise _unusable(parameter) from None


def moment(text: str) -> datetime:
    """A kind of part: a time, converted to UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def whole_number(least: int, most: int) -> Callable[[Any], int]:
    """A kind of part: a number that a column can hold."""

    def read(part: Any) -> int:
        if type(part) is not int or not least <= part <= most:  # `isinstance` would accept JSON's `true`
            raise ValueError
        return part

    return read


def finite(part: Any) -> float:
    """A kind of part: a finite number."""
    if type(part) not in (int, float) or not math.isfinite(part):
        raise ValueError
    return float(part)


def _unusable(parameter: str) -> MalformedRequest:
    return MalformedRequest(f"`{parameter}` is not valid for this list with these filters: start again without it.")
