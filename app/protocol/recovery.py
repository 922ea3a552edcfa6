"""Recovering the valid messages from a batch that is not valid JSON as a whole.

A scanner finds the end of each message by brackets and quotes; each message is then parsed as strictly as usual. If a
message's brackets or quotes don't match (one is missing, or the body was cut off), the scanner continues with the next
message that can be parsed. The work is bounded by the body's length.
"""

import re
from dataclasses import dataclass
from typing import Any

from app.errors import MalformedJson
from app.protocol.body import MAX_DEPTH, parse_json
from app.protocol.messages import MAX_MESSAGE_BYTES, read_type

MAX_MESSAGES = 2500

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*+\{")
_MEMBER = re.compile(rb"\s*+(" + _STRING + rb")\s*+:\s*+", re.DOTALL)
_BRACKETS = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb"|\[\]|\{\})*+([\[{]++|[\]}]++)", re.DOTALL)
_BRACKETS_OR_COMMA = re.compile(rb'(?:[^"\[\]{},]++|' + _STRING + rb"|\[\]|\{\})*+([\[{]++|[\]}]++|,)", re.DOTALL)
_NEXT_OBJECT = re.compile(rb",\s*+(?=\{)")
_COMMA_BEFORE_MEMBER = re.compile(rb"\s*+,(?=\s*+\")")
_WHOLE_REST = re.compile(rb"\s*+\}\s*+")
# Missing or extra brackets, or a member that was cut off, but no other message.
_ANY_REST = re.compile(rb"[\s\0,;\]}]*+|\s*+\"(?:[^\"\\]++|\\.)*+(?:\"\s*+(?::.*)?)?", re.DOTALL)
_OPENING = b"[{"
_CLOSING = {ord("["): ord("]"), ord("{"): ord("}")}
_COMMA, _LIST_END = ord(","), ord("]")

_MAX_STEPS = 500_000  # a second of work; the largest batch has about half as many brackets
_MAX_GUESSES = 64  # each may scan the whole rest
_MAX_TAILS = 8
_MAX_MEMBERS = 1000  # of a body, besides its messages
_MAX_MESSAGE_DEPTH = MAX_DEPTH - 2  # an object and a list are around it
_NO_END = "This message has no end: a quote or a bracket does not match, or the body was cut off."


@dataclass(frozen=True, slots=True)
class Malformed:
    """Takes the place of a message that is not JSON: the error, and the text with non-UTF-8 bytes escaped."""

    error: MalformedJson
    text: str

    @classmethod
    def of(cls, data: bytes, error: MalformedJson) -> "Malformed":
        return cls(error, data[:MAX_MESSAGE_BYTES].strip().decode("utf-8", "backslashreplace"))


class _Unrecoverable(Exception):
    """There are too many messages or members, or the scan takes more steps than a batch would."""


def recover_batch(data: bytes) -> dict[str, Any] | None:
    """The body as an object, with a `Malformed` in its `batch` for each message that can't be parsed.

    The other members are parsed one by one, and left out if invalid. None if messages may be elsewhere: there is no
    list called `batch`, or it is followed by more than the rest of one body.
    """
    scanner = _Scanner(data)
    try:
        head, start = scanner.read_head()
        messages, tail = scanner.read_messages(start) if start else ([], None)
    except _Unrecoverable:
        return None
    return None if tail is None else {**head, **tail, "batch": messages}


class _Scanner:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._steps_left = min(len(data) // 2 + 1000, _MAX_STEPS)
        self._guesses_left = _MAX_GUESSES

    def read_head(self) -> tuple[dict[str, Any], int | None]:
        """The members before the list called `batch`, and the position after its opening bracket, if there is one."""
        opened = _START.match(self._data)
        members, position = self._read_members(opened.end() if opened else len(self._data))
        return members, self._start_of_batch(position)

    def read_messages(self, start: int) -> tuple[list[Any], dict[str, Any] | None]:
        """The messages of the list that begins at `start`, and the members after it; None if anything else follows."""
        messages: list[Any] = []
        while len(messages) <= MAX_MESSAGES:
            end = self._end_of(start)
            is_whole = end is not None and self._data[end] in (_COMMA, _LIST_END)
            if not is_whole:
                end = self._find_next_message(start)
            if end is None:
                return [*messages, self._read_last(start)], self._guess_tail(start)
            message = self._data[start:end]
            is_last = self._data[end] == _LIST_END
            if message.strip() or not is_last:  # otherwise there is a comma after the last message
                messages.append(_parse(message) if is_whole else Malformed.of(message, MalformedJson(_NO_END)))
            if is_last:
                return messages, self._read_tail(end + 1, _ANY_REST)
            start = end + 1
        raise _Unrecoverable

    def _read_last(self, start: int) -> Any:
        """The last message of a truncated body. It may be complete, if the body was cut off right after it."""
        data = self._data[start:]
        message = _parse(data)
        return Malformed.of(data, MalformedJson(_NO_END)) if isinstance(message, Malformed) else message

    def _guess_tail(self, start: int) -> dict[str, Any]:
        """The members after a list of unknown end: those after the last bracket that can be its end."""
        end = len(self._data)
        for _ in range(_MAX_TAILS):
            end = self._data.rfind(b"]", start, end)
            tail = self._read_tail(end + 1, _WHOLE_REST) if end >= 0 else {}
            if tail is not None:
                return tail
        return {}

    def _read_tail(self, start: int, rest: re.Pattern[bytes]) -> dict[str, Any] | None:
        """The members after a list; None if anything but `rest` follows them."""
        comma = _COMMA_BEFORE_MEMBER.match(self._data, start)
        members, position = self._read_members(comma.end()) if comma else ({}, start)
        ends = rest.fullmatch(self._data, position) and not self._start_of_batch(position)
        return members if ends else None

    def _read_members(self, position: int) -> tuple[dict[str, Any], int]:
        """The members from a position on, and where reading stopped: at the list called `batch`, or at no member."""
        members: dict[str, Any] = {}
        for _ in range(_MAX_MEMBERS):
            member = _MEMBER.match(self._data, position)
            if member is None or self._start_of_batch(position):
                return members, position
            found = self._end_of(member.end())
            end = len(self._data) if found is None else found
            name, value = _parse(member[1]), _parse(self._data[member.end() : end], max_depth=MAX_DEPTH - 1)
            is_valid = not isinstance(name, Malformed) and not isinstance(value, Malformed)
            if is_valid:
                members[name] = value
            elif found is None:
                return members, position
            if found is None or self._data[end] != _COMMA:
                return members, end
            position = end + 1
        raise _Unrecoverable

    def _start_of_batch(self, position: int) -> int | None:
        member = _MEMBER.match(self._data, position)
        is_batch = member and self._data.startswith(b"[", member.end()) and _parse(member[1]) == "batch"
        return member.end() + 1 if member and is_batch else None

    def _find_next_message(self, start: int) -> int | None:
        """The position of the comma before the next object that is certainly a message."""
        for comma in _NEXT_OBJECT.finditer(self._data, start):
            self._guesses_left -= 1
            if self._guesses_left < 0:
                return None
            end = self._end_of(comma.end())
            message = None if end is None else _parse(self._data[comma.end() : end])
            if isinstance(message, dict) and read_type(message):
                return comma.start()
        return None

    def _end_of(self, start: int) -> int | None:
        """The position of the comma or bracket after a value; None if the value's brackets don't match."""
        position, depth, opening = start, 0, 0
        while match := (_BRACKETS if depth else _BRACKETS_OR_COMMA).match(self._data, position):
            self._steps_left -= 1
            if self._steps_left < 0:
                raise _Unrecoverable
            mark, position = match.span(1)
            if self._data[mark] in _OPENING:
                opening = opening if depth else self._data[mark]
                depth += position - mark
            elif not depth:
                return mark
            elif position - mark < depth:
                depth -= position - mark
            else:
                position = mark + depth
                depth = 0
                if self._data[position - 1] != _CLOSING[opening]:
                    return None
        return None


def _parse(data: bytes, max_depth: int = _MAX_MESSAGE_DEPTH) -> Any:
    try:
        return parse_json(data, "This message", max_depth)
    except MalformedJson as error:
        return Malformed.of(data, error)
