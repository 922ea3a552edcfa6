"""Parsing the body of a form post, in any of the three encodings that browsers use, into names and values.

Bodies are split as bytes and decoded afterwards, because the field `_charset_` may say how the others are encoded.
"""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

import webencodings
from python_multipart.multipart import parse_options_header

from app.errors import MalformedRequest, UnsupportedMediaType, ValidationFailed

MAX_FIELDS = 1000

Fields = list[tuple[str, str]]

_CHARSET_FIELD = b"_charset_"  # browsers fill in the charset that they used
_WINDOWS_1252 = webencodings.lookup("windows-1252")
_NEVER_WRITTEN = frozenset({"utf-16le", "utf-16be", "replacement"})
_CHARACTER_REFERENCE = re.compile(r"&#([1-9]\d{2,6});")
# A line without `=` continues the value before it, such as the second line of a text area.
_NEXT_PAIR = re.compile(rb"\r?\n(?=[^=\r\n]*=)")
# A browser ends its lines; a script that posts a string may send a query, which `fetch` labels as plain text.
_QUERY = re.compile(rb"[^=&\s]+=[^&\n]*(?:&[^=&\s]+=[^&\n]*)+")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_PART_HEADER = re.compile(rb"^(content-disposition|content-type)[ \t]*:(.*)$", re.IGNORECASE | re.MULTILINE)
_EXTENDED_FILE_NAME = re.compile(rb";\s*filename\*[^=]*=", re.IGNORECASE)
_MAX_PART_HEAD_BYTES = 8 * 1024


class _RawField(NamedTuple):
    name: bytes
    value: bytes
    charset: bytes | None = None


def parse_form(data: bytes, content_type: str | None) -> Fields:
    """The (name, value) pairs of a body, in order.

    They are decoded by the charset of the multipart part, the Content-Type or the `_charset_` field, in that order.
    Without one, or with UTF-8, bytes that are not UTF-8 count as windows-1252: pages often declare the wrong charset.
    Raises UnsupportedMediaType, MalformedRequest (unreadable, or more than 1,000 fields), ValidationFailed for a file.
    """
    try:
        media_type, parameters = parse_options_header(content_type)
        if media_type == b"application/x-www-form-urlencoded":
            fields = _split_urlencoded(data)
        elif media_type == b"multipart/form-data":
            fields = _split_multipart(data, parameters.get(b"boundary", b"").rstrip())
        elif media_type == b"text/plain":
            fields = _split_urlencoded(data) if _QUERY.fullmatch(data) else _split_plain(data)
        else:
            raise UnsupportedMediaType(
                "A form must be application/x-www-form-urlencoded, multipart/form-data or text/plain: set the "
                "Content-Type."
            )
    except ValueError:  # the libraries' own messages may quote the input
        msg = f"The form can't be read: send it complete, with at most {MAX_FIELDS:,} fields."
        raise MalformedRequest(msg) from None
    return _decode_fields(fields, parameters.get(b"charset"))


def _split_urlencoded(data: bytes) -> list[_RawField]:
    pairs = parse_qsl(
        data.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=MAX_FIELDS
    )  # Latin-1 maps each byte to one character and back
    return [_RawField(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


def _split_plain(data: bytes) -> list[_RawField]:
    lines = _NEXT_PAIR.split(data.rstrip(b"\r\n"), maxsplit=MAX_FIELDS)
    if len(lines) > MAX_FIELDS:
        raise ValueError
    pairs = [line.partition(b"=") for line in lines]
    return [_RawField(name, value) for name, separator, value in pairs if separator]


def _split_multipart(data: bytes, boundary: bytes) -> list[_RawField]:
    return [field for part in _split_parts(data, boundary) if (field := _read_part(part)) is not None]


def _split_parts(data: bytes, boundary: bytes) -> list[bytes]:
    """The parts as delimited by RFC 2046, without the preamble and the epilogue.

    Lines may also end in LF alone. Raises ValueError if there are too many parts or the body is truncated.
    """
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    parts: list[bytes] = []
    start = None
    for match in delimiter.finditer(data) if boundary else ():
        if start is not None:
            parts.append(data[start : match.start()])
        if match[1]:
            return parts
        start = match.end()
        if len(parts) == MAX_FIELDS:
            break
    raise ValueError


def _read_part(part: bytes) -> _RawField | None:
    """The field in one part; None for a file input that was left empty.

    Raises ValueError if the part is not a field, and ValidationFailed if it is a file.
    """
    head, value = _BLANK_LINE.split(part, maxsplit=1)
    if len(head) > _MAX_PART_HEAD_BYTES:
        raise ValueError
    headers = {name.lower(): text.strip() for name, text in _PART_HEADER.findall(_FOLD.sub(b" ", head))}
    disposition = headers.get(b"content-disposition", b"")
    _, parameters = parse_options_header(disposition)
    has_extended_name = _EXTENDED_FILE_NAME.search(disposition) is not None
    if b"filename" in parameters or has_extended_name:
        if parameters.get(b"filename") or has_extended_name or value:
            raise ValidationFailed("Files are not accepted: remove the form's file input.")
        return None
    if b"name" not in parameters:
        raise ValueError
    _, type_parameters = parse_options_header(headers.get(b"content-type"))
    return _RawField(parameters[b"name"], value, type_parameters.get(b"charset"))


def _decode_fields(fields: list[_RawField], declared: bytes | None) -> Fields:
    default = declared or next((value for name, value, _ in fields if name == _CHARSET_FIELD), None)
    return [
        (_decode(name, default), _decode(value, charset or default))
        for name, value, charset in fields
        if name != _CHARSET_FIELD
    ]


def _decode(data: bytes, label: bytes | None) -> str:
    encoding = _encoding_of(label) if label else None
    if encoding is None or encoding.name == "utf-8":
        try:
            return data.decode()
        except UnicodeDecodeError:
            encoding = _WINDOWS_1252
    text: str = encoding.codec_info.decode(data, "replace")[0]
    # Browsers escape characters that a legacy charset lacks. In UTF-8, such text was typed by the person.
    return text if encoding.name == "utf-8" else _CHARACTER_REFERENCE.sub(_read_reference, text)


def _encoding_of(label: bytes) -> webencodings.Encoding | None:
    """The encoding with this label; None if it is unknown. Browsers send the forms of a UTF-16 page in UTF-8."""
    encoding = webencodings.lookup(label.decode("latin-1"))
    return webencodings.UTF8 if encoding is not None and encoding.name in _NEVER_WRITTEN else encoding


def _read_reference(match: re.Match[str]) -> str:
    code = int(match[1])
    is_character = 0x80 <= code < 0xD800 or 0xE000 <= code <= 0x10FFFF  # noqa: PLR2004 -- of Unicode
    return chr(code) if is_character else match[0]
