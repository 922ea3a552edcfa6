"""Plain HTML forms: from the three ways in which browsers write them to the message that they stand for."""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

from app.errors import MalformedRequest, UnsupportedMediaType, ValidationFailed

MAX_FIELDS = 1000
DEFAULT_EVENT = "Form Submitted"

Fields = list[tuple[str, str]]

_MESSAGE_FIELDS = ("event", "userId", "anonymousId", "messageId")
_RESERVED = frozenset({*_MESSAGE_FIELDS, "writeKey", "_next", "_gotcha"})
_PROPERTY = re.compile(r"properties\[([^\[\]]+)\]")
# A line without `=` continues the value before it: that is how a text area's second line comes.
_NEXT_PAIR = re.compile(r"\r?\n(?=[^=\r\n]*=)")

_FILES_IN_MEMORY = {"MAX_MEMORY_FILE_SIZE": sys.maxsize}  # or the library writes them to disk before we refuse them


@dataclass(frozen=True, slots=True)
class FormPost:
    """What a form says. `message` is for `read_message(…, type="form")`, which may first be given a `context`.

    The fields that steer the answer are apart: `next_url` is unchecked, and a filled honeypot means a bot.
    """

    message: dict[str, Any]
    next_url: str | None
    honeypot_filled: bool
    write_key: str | None


def parse_form(data: bytes, content_type: str | None) -> Fields:
    """The (name, value) pairs of a body, in order. Bytes that are not UTF-8 become U+FFFD, as in the URL standard.

    Raises UnsupportedMediaType, MalformedRequest (unreadable, or more than 1,000 fields), ValidationFailed for a file.
    """
    try:
        media_type, parameters = parse_options_header(content_type)
        if media_type == b"application/x-www-form-urlencoded":
            return _parse_urlencoded(data)
        if media_type == b"multipart/form-data":
            return _parse_multipart(data, parameters.get(b"boundary"))
        if media_type == b"text/plain":
            return _parse_plain(data)
    except ValueError:  # of the header, the fields' count or the parts: the libraries' own words may quote the input
        raise MalformedRequest(f"The form can't be read: send it whole, with at most {MAX_FIELDS:,} fields.") from None
    raise UnsupportedMediaType(
        "A form is application/x-www-form-urlencoded, multipart/form-data or text/plain: set the Content-Type."
    )


def read_form(form_name: str, fields: Iterable[tuple[str, str]]) -> FormPost:
    """The message that a form's post stands for.

    Every field that means nothing else is a property and a trait; one left blank is a property alone, since an
    optional field that was skipped must not wipe out what is known. Of a repeated control field, the last counts.
    """
    values = _group(fields)
    control = {name: values[name][-1] for name in _RESERVED & values.keys()}
    named = {match[1]: _unwrap(values.pop(name)) for name in list(values) if (match := _PROPERTY.fullmatch(name))}
    answers = {name: _unwrap(texts) for name, texts in values.items() if name not in _RESERVED}
    message: dict[str, Any] = {name: control.get(name) for name in _MESSAGE_FIELDS}
    message["event"] = (control.get("event") or "").strip() or DEFAULT_EVENT
    message["properties"] = {**answers, **named, "form": form_name}
    message["traits"] = {name: answer for name, answer in answers.items() if not _is_blank(answer)}
    return FormPost(
        message=message,
        next_url=control.get("_next") or None,
        honeypot_filled=any(values.get("_gotcha", ())),
        write_key=control.get("writeKey") or None,
    )


def _parse_urlencoded(data: bytes) -> Fields:
    text = data.decode("utf-8", "replace")
    return parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_FIELDS)


def _parse_plain(data: bytes) -> Fields:
    lines = _NEXT_PAIR.split(data.decode("utf-8", "replace").rstrip("\r\n"), maxsplit=MAX_FIELDS)
    if len(lines) > MAX_FIELDS:
        raise ValueError
    pairs = [line.partition("=") for line in lines]
    return [(name, value) for name, separator, value in pairs if separator]


def _parse_multipart(data: bytes, boundary: bytes | None) -> Fields:
    # Counted before they are parsed, the files as well: tens of thousands of empty parts would cost seconds.
    if not boundary or data.count(b"--" + boundary) > MAX_FIELDS + 1:
        raise FormParserError
    fields: Fields = []
    ends: list[bool] = []

    def keep(field: Field) -> None:
        fields.append((_decode(field.field_name), _decode(field.value)))

    def refuse(file: File) -> None:
        # A browser sends an empty part without a file's name where none was chosen.
        if file.file_name or file.size:
            raise ValidationFailed("Files are not taken: remove the form's file input.")

    parser = FormParser(
        "multipart/form-data", keep, refuse, lambda: ends.append(True), boundary=boundary, config=_FILES_IN_MEMORY
    )
    parser.write(data)
    if not ends:  # the library does not notice a body that was cut off
        raise FormParserError
    return fields


def _decode(text: bytes | None) -> str:
    return (text or b"").decode("utf-8", "replace")


def _group(fields: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in fields:
        if name:
            values.setdefault(name, []).append(value)
    return values


def _unwrap(values: list[str]) -> str | list[str]:
    """What a field says. One that says the same twice, as where an address has to be repeated, says it once."""
    return values[0] if len(set(values)) == 1 else values


def _is_blank(answer: str | list[str]) -> bool:
    return not "".join(answer).strip()
