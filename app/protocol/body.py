"""A request's body, from raw bytes to a JSON value, within limits. No error repeats any of the input."""

import io
import json
import re
import zlib
from codecs import BOM_UTF8
from typing import Any, NoReturn

from app.errors import ContentTooLarge, MalformedJson, MalformedRequest, UnsupportedEncoding

MAX_DEPTH = 32

_MAX_DIGITS = 600  # parsing takes quadratic time, and Python can be configured to refuse more than 640
_MAX_GZIP_MEMBERS = 16  # a body of thousands of empty members would take seconds
_CHUNK_BYTES = 256 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_GZIP_START = b"\x1f\x8b"
_TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep: flatten it."
_JSON_START = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*[\[{]")


class _NotAccepted(Exception):
    """Valid JSON that we don't accept. The text is the end of a sentence that `parse_json` begins."""


def decompress(raw: bytes, content_encoding: str | None, limit_bytes: int) -> bytes:
    """The decompressed body, at most `limit_bytes` long.

    Raises ContentTooLarge (after decompressing at most one chunk over the limit), MalformedRequest for corrupt gzip,
    and UnsupportedEncoding for any other encoding.
    """
    encoding = (content_encoding or "").strip().lower()
    is_plain = encoding in ("", "identity")
    # Nothing else that we accept begins so: the header was forgotten, or a proxy has removed it.
    if encoding in ("gzip", "x-gzip") or (is_plain and raw.startswith(_GZIP_START)):
        return _gunzip(raw, limit_bytes)
    if not is_plain:
        raise UnsupportedEncoding(
            "The only supported Content-Encoding is `gzip`: use it, or send the body uncompressed."
        )
    _check_length(len(raw), limit_bytes)
    return raw


def is_json(data: bytes) -> bool:
    """Whether the first non-blank byte begins an object or a list. Clients' Content-Types can't be trusted."""
    return _JSON_START.match(data) is not None


def parse_json(data: bytes, what: str = "The body", max_depth: int = MAX_DEPTH) -> Any:
    """Parse strict JSON in UTF-8, with or without a byte order mark. Error messages begin with `what`.

    Lone surrogates, infinities such as 1e999 and integers over 64 bits are allowed here: they are rejected later, with
    their message rather than with the whole body. Raises MalformedJson.
    """
    try:
        document = _DECODER.decode(data.removeprefix(BOM_UTF8).decode("utf-8"))
        if data.count(b"{") + data.count(b"[") > max_depth:  # otherwise it can't be too deep
            _check_depth(document, max_depth)
    except UnicodeDecodeError:
        fault = "is not valid UTF-8: encode it as UTF-8."
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if b"\n" in data else ""
        place = f"{line}column {error.colno}"
        more = error.msg == "Extra data"  # such as several documents, one per line
        fault = (
            f"has more data after its JSON, at {place}: send one value." if more else f"is not valid JSON at {place}."
        )
    except RecursionError:
        fault = _TOO_DEEP
    except _NotAccepted as error:
        fault = str(error)
    else:
        return document
    raise MalformedJson(f"{what} {fault}")


def _gunzip(raw: bytes, limit_bytes: int) -> bytes:
    body = io.BytesIO()  # returns its bytes without a copy, unlike a list of chunks
    if raw and not raw.startswith(_GZIP_START[: len(raw)]):
        raise MalformedRequest(
            "The body is not gzip, as its Content-Encoding says: compress it, or leave out the header."
        )
    for _ in range(_MAX_GZIP_MEMBERS):
        if not raw:
            return body.getvalue()
        raw = _gunzip_member(raw, body, limit_bytes)
    raise MalformedRequest(f"The gzipped body has more than {_MAX_GZIP_MEMBERS} members: compress it as one.")


def _gunzip_member(raw: bytes, body: io.BytesIO, limit_bytes: int) -> bytes:
    """Append one member to `body` and return what follows it."""
    member = zlib.decompressobj(wbits=_GZIP)
    while not member.eof:
        try:
            chunk = member.decompress(raw, _CHUNK_BYTES)
        except zlib.error:
            raise MalformedRequest(
                "The body is not valid gzip: send it complete and unmodified, or uncompressed."
            ) from None
        if not chunk and not member.eof:
            raise MalformedRequest("The gzipped body is truncated: send it complete.")
        raw = member.unconsumed_tail
        body.write(chunk)
        _check_length(body.tell(), limit_bytes)
    return member.unused_data


def _check_length(length: int, limit_bytes: int) -> None:
    if length > limit_bytes:
        raise ContentTooLarge(
            f"The body is larger than {limit_bytes:,} bytes (decompressed): send fewer messages at once."
        )


def _read_object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(members)
    if len(result) != len(members):
        raise _NotAccepted("has an object with a duplicate key: send each key once.")
    return result


def _read_integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise _NotAccepted(f"has an integer of more than {_MAX_DIGITS} digits: send it as text.")
    return int(digits)


def _refuse_constant(_name: str) -> NoReturn:
    raise _NotAccepted("has NaN or Infinity, which JSON does not allow: send null, or leave the field out.")


def _check_depth(document: Any, max_depth: int) -> None:
    # Level by level. The parser's own limit is Python's stack, which is far deeper and depends on the version.
    level = _containers([document])
    for _ in range(max_depth):
        if not level:
            return
        level = [child for parent in level for child in _containers(parent)]
    if level:
        raise _NotAccepted(_TOO_DEEP)


def _containers(parent: Any) -> list[Any]:
    children = parent.values() if isinstance(parent, dict) else parent
    return [child for child in children if isinstance(child, (dict, list))]


# Created once, because `json.loads` with hooks would create a decoder for each body.
_DECODER = json.JSONDecoder(object_pairs_hook=_read_object, parse_int=_read_integer, parse_constant=_refuse_constant)
