"""Single values: rejecting those that databases can't store, and reading short texts.

PostgreSQL refuses U+0000 (SQLite stores it), a lone surrogate can't be encoded in UTF-8, and integers over 64 bits have
no column type. The check is here, at the edge, where bad characters can still be replaced and an error can name the
field.
"""

import math
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from app.errors import InvalidMessage, MessageCode
from app.scoring.strings import trimmed

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSTORABLE_CHARACTER = re.compile("[\0\ud800-\udfff]")
_UNSTORABLE = "\0" + "".join(map(chr, range(0xD800, 0xE000)))
_REPLACEMENT = "\ufffd"
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_MAX_KEY_SHOWN = 64
_BAD_CHARACTERS = "contains U+0000 or half of a surrogate pair: remove it."


class _Unstorable(Exception):
    """An unstorable value. While it propagates, it collects the keys that lead to the value, the innermost first."""

    def __init__(self, code: MessageCode, rule: str, *, in_key: bool = False) -> None:
        super().__init__()
        self.code = code
        self.rule = rule
        self.in_key = in_key
        self.keys: list[str] = []

    def message(self, what: str) -> str:
        # Keys come from the client, and may be so long that they would fill the answer and the logs.
        path = ".".join(key[:_MAX_KEY_SHOWN] for key in reversed(self.keys)).strip(".")
        place = f"`{path}`" if path else what
        return f"{place} has a key that {self.rule}" if self.in_key else f"{place} {self.rule}"


def check_values(value: Any, what: str = "The message") -> None:
    """Check that everything in a value, at any depth, can be stored.

    Raises InvalidMessage: `invalid-characters`, `not-finite` or `out-of-range`. The error names the field's path, or
    else `what`, but never the value, nor a key that is itself unstorable.
    """
    try:
        _check(value)
    except _Unstorable as fault:
        raise InvalidMessage(fault.code, fault.message(what)) from None


def storable(document: dict[str, Any], *, exact: Collection[str] = ()) -> dict[str, Any]:
    """The object in storable form: without U+0000 and halves of surrogate pairs, which truncation leaves behind.

    They are removed at the ends of a text and replaced by U+FFFD within it.

    Members named in `exact` stay unchanged: they identify a person, and a changed id could identify another.
    Raises InvalidMessage like `check_values`.
    """
    try:
        check_values(document)
    except InvalidMessage as fault:
        if fault.code != "invalid-characters":
            raise
        document = {name: value if name in exact else _replaced(value) for name, value in _renamed(document)}
        check_values(document)  # there may be other faults, too
    return document


def is_storable(text: str) -> bool:
    return "\0" not in text and (text.isascii() or not _LONE_SURROGATE.search(text))


def as_text(value: Any) -> str | None:
    """A string or a number as trimmed text; `""` for None; None for values of other types.

    A whole float becomes an integer, because clients also write the id 1000 as `1e3` or `1000.0`.
    """
    if isinstance(value, str):
        return trimmed(value)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _renamed(members: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((_replaced_in(name), value) for name, value in members.items())


def _replaced(value: Any) -> Any:
    if isinstance(value, str):
        return _replaced_in(value)
    if isinstance(value, dict):
        return {name: _replaced(member) for name, member in _renamed(value)}
    return [_replaced(item) for item in value] if isinstance(value, list) else value


def _replaced_in(text: str) -> str:
    return _UNSTORABLE_CHARACTER.sub(_REPLACEMENT, text.strip(_UNSTORABLE))


def _check(value: Any) -> None:
    check = _CHECKS.get(type(value))
    if check is not None:
        check(value)


def _check_text(text: str) -> None:
    if not is_storable(text):
        raise _Unstorable("invalid-characters", _BAD_CHARACTERS)


def _check_integer(number: int) -> None:
    if not _INT64_MIN <= number <= _INT64_MAX:
        raise _Unstorable("out-of-range", "is an integer of more than 64 bits: send it as text.")


def _check_float(number: float) -> None:
    if not math.isfinite(number):
        raise _Unstorable("not-finite", "is not a finite number: leave it out, or send it as text.")


def _check_object(members: dict[str, Any]) -> None:
    for key, value in members.items():
        if not is_storable(key):
            raise _Unstorable("invalid-characters", _BAD_CHARACTERS, in_key=True)
        try:
            _check(value)
        except _Unstorable as fault:
            fault.keys.append(key)
            raise


def _check_list(items: list[Any]) -> None:
    for index, item in enumerate(items):
        try:
            _check(item)
        except _Unstorable as fault:
            fault.keys.append(str(index))
            raise


_CHECKS: dict[type, Callable[[Any], None]] = {
    str: _check_text,
    int: _check_integer,
    float: _check_float,
    dict: _check_object,
    list: _check_list,
}
