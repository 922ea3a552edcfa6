"""The second reading of a batch that is not JSON as a whole: its good messages, each parsed as strictly as ever.

A scanner looks for where each message ends, by brackets and quotes alone. Where those of a message don't match (one is
missing, or the body was cut off), it goes on with the next message that can be read. Work is bounded by the body's
length.
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
_OPENING = b"[{"
_CLOSING = {ord("["): ord("]"), ord("{"): ord("}")}
_COMMA, _LIST_END = ord(","), ord("]")

_MAX_STEPS = 500_000  # a second of work; a batch of the greatest size has about half as many brackets
_MAX_GUESSES = 64  # each may scan all that follows
_MAX_TAILS = 8
_MAX_MESSAGE_DEPTH = MAX_DEPTH - 2  # an object and a list are around it
_NO_END = "This message has no end: a quote or a bracket does not match, or the body was cut off."


@dataclass(frozen=True, slots=True)
class Malformed:
    """Stands in a batch for a message that is not JSON: the fault, and its text, with escapes for what is not UTF-8."""

    error: MalformedJson
    text: str

    @classmethod
    def of(cls, data: bytes, error: MalformedJson) -> "Malformed":
        return cls(error, data[:MAX_MESSAGE_BYTES].strip().decode("utf-8", "backslashreplace"))


class _Hopeless(Exception):
    """There are too many messages, or the scan takes more steps than a batch would."""


def recover_batch(data: bytes) -> dict[str, Any] | None:
    """The body as an object, whose `batch` has a `Malformed` for each message that can't be parsed.

    None where the fault is elsewhere: there is no list called `batch`, or the rest of the body is not JSON.
    """
    scanner = _Scanner(data)
    try:
        start = scanner.find_batch()
        messages, tails = scanner.read_messages(start) if start else ([], [])
    except _Hopeless:
        return None
    for tail in tails:
        document = _parse(data[:start] + tail, "The body", MAX_DEPTH)
        if isinstance(document, dict) and document.get("batch") == []:
            return document | {"batch": messages}
    return None


class _Scanner:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._steps_left = min(len(data) // 2 + 1000, _MAX_STEPS)
        self._guesses_left = _MAX_GUESSES

    def find_batch(self) -> int | None:
        """Where the list called `batch` begins, behind its bracket."""
        opened = _START.match(self._data)
        position = opened.end() if opened else len(self._data)
        while member := _MEMBER.match(self._data, position):
            if self._data.startswith(b"[", member.end()) and _parse(member[1]) == "batch":
                return member.end() + 1
            end = self._end_of(member.end())
            if end is None or self._data[end] != _COMMA:
                return None
            position = end + 1
        return None

    def read_messages(self, start: int) -> tuple[list[Any], list[bytes]]:
        """The messages of the list that begins there, and what may be the rest of the body, from the list's end."""
        messages: list[Any] = []
        while len(messages) <= MAX_MESSAGES:
            end = self._end_of(start)
            is_whole = end is not None and self._data[end] in (_COMMA, _LIST_END)
            if not is_whole:
                end = self._find_next_message(start)
            if end is None:
                return [*messages, self._read_last(start)], self._guess_tails(start)
            message = self._data[start:end]
            is_last = self._data[end] == _LIST_END
            if message.strip() or not is_last:  # else a comma stands behind the last one
                messages.append(_parse(message) if is_whole else Malformed.of(message, MalformedJson(_NO_END)))
            if is_last:
                return messages, [self._data[end:]]
            start = end + 1
        raise _Hopeless

    def _read_last(self, start: int) -> Any:
        """What is left of a body that was cut off. It may be whole, if the cut is right behind it."""
        message = self._data[start:]
        read = _parse(message)
        return Malformed.of(message, MalformedJson(_NO_END)) if isinstance(read, Malformed) else read

    def _guess_tails(self, start: int) -> list[bytes]:
        """What may be the rest of a body whose list has no end that can be told."""
        tails: list[bytes] = []
        end = len(self._data)
        while len(tails) < _MAX_TAILS and (end := self._data.rfind(b"]", start, end)) >= 0:
            tails.append(self._data[end:])
        return [*tails, b"]}"]

    def _find_next_message(self, start: int) -> int | None:
        """The comma before the next object that is a message beyond doubt."""
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
        """Where the comma or the bracket behind a value is. None if its own brackets don't match."""
        position, depth, opening = start, 0, 0
        while found := (_BRACKETS if depth else _BRACKETS_OR_COMMA).match(self._data, position):
            self._steps_left -= 1
            if self._steps_left < 0:
                raise _Hopeless
            mark, position = found.span(1)
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


def _parse(data: bytes, what: str = "This message", max_depth: int = _MAX_MESSAGE_DEPTH) -> Any:
    try:
        return parse_json(data, what, max_depth)
    except MalformedJson as error:
        return Malformed.of(data, error)
