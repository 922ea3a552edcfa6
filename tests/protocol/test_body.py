"""Bodies are decompressed within bounds and parsed strictly, and errors never repeat them."""

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ContentTooLarge, LeadscoreError, MalformedJson, MalformedRequest, UnsupportedEncoding
from app.protocol.body import decompress, is_json, parse_json

LIMIT = 4 * 1024 * 1024
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


def nest(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize("encoding", [None, "", "identity", " Identity "])
def test_a_plain_body_passes_as_it_is(encoding: str | None) -> None:
    assert decompress(b"{}", encoding, LIMIT) == b"{}"


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", " gzip "])
def test_gzip_is_undone(encoding: str) -> None:
    body = b'{"a": 1}' * 100_000
    assert decompress(gzip.compress(body), encoding, LIMIT) == body


@pytest.mark.parametrize("encoding", [None, "", "identity"])
def test_gzip_is_undone_even_if_nothing_says_that_it_is_gzip(encoding: str | None) -> None:
    body = b'{"userId": "u1"}'
    assert decompress(gzip.compress(body), encoding, LIMIT) == body
    with pytest.raises(ContentTooLarge):
        decompress(gzip.compress(bytes(LIMIT + 1)), encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "gzip, identity", "nonsense"])
def test_any_other_encoding_is_unsupported(encoding: str) -> None:
    with pytest.raises(UnsupportedEncoding):
        decompress(b"", encoding, LIMIT)


def test_concatenated_members_are_one_body() -> None:
    assert decompress(gzip.compress(b"ab") + gzip.compress(b"") + gzip.compress(b"cd"), "gzip", LIMIT) == b"abcd"


def test_a_swarm_of_members_is_refused() -> None:
    with pytest.raises(MalformedRequest):
        decompress(gzip.compress(b"") * 10_000, "gzip", LIMIT)


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"\x1f\x8b",
        gzip.compress(b"body")[:-1],
        gzip.compress(b"body" * 1000)[:30],
        gzip.compress(b"body") + b"garbage",
        gzip.compress(b"body")[:-8] + b"\0" * 8,
        zlib.compress(b"body"),
    ],
    ids=["json", "head", "cut", "cut early", "garbage behind", "wrong sum", "zlib"],
)
def test_corrupt_gzip_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedRequest):
        decompress(raw, "gzip", LIMIT)


def test_a_plain_body_that_is_declared_as_gzip_is_refused_with_the_remedy() -> None:
    for body in (b"{}", b"\x1f", b"PK\x03\x04"):
        with pytest.raises(MalformedRequest) as refused:
            decompress(body, "gzip", LIMIT)
        assert ("leave out the header" in str(refused.value)) == (body != b"\x1f")


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_the_limit_is_inclusive(encoding: str | None) -> None:
    at_limit, over = b"x" * 1000, b"x" * 1001
    pack = gzip.compress if encoding else bytes
    assert decompress(pack(at_limit), encoding, 1000) == at_limit
    with pytest.raises(ContentTooLarge):
        decompress(pack(over), encoding, 1000)


def test_a_bomb_costs_little_more_than_the_limit() -> None:
    bomb = gzip.compress(bytes(200 * 1024 * 1024))
    tracemalloc.start()
    with pytest.raises(ContentTooLarge):
        decompress(bomb, "gzip", LIMIT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * LIMIT


def test_members_share_one_limit() -> None:
    with pytest.raises(ContentTooLarge):
        decompress(gzip.compress(b"x" * 600) * 2, "gzip", 1000)


@pytest.mark.parametrize("data", [b"{}", b"[]", b" \t\r\n{", b"\xef\xbb\xbf{}", b"\xef\xbb\xbf [1"])
def test_an_object_or_a_list_looks_like_json(data: bytes) -> None:
    assert is_json(data)


@pytest.mark.parametrize("data", [b"", b"  ", b"a={}", b'"text"', b"1", b"--boundary"])
def test_anything_else_does_not_look_like_json(data: bytes) -> None:
    assert not is_json(data)


@given(JSON)
def test_what_json_wrote_is_read_back(document: Any) -> None:
    assert parse_json(json.dumps(document).encode()) == document


def test_a_byte_order_mark_is_tolerated() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": "\xc3\xa9"}') == {"a": "é"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  ",
        b"{",
        b'{"a": 1',
        b"{} {}",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b'["\xff"]',
        b'["\xed\xa0\x80"]',
        "[1]".encode("utf-16"),
        "[1]".encode("utf-16-le"),
        b'["a\0b"]',
        b'{"a": 1, "a": 2}',
        b'[{"b": {"a": 1, "\\u0061": 2}}]',
        b"[" + b"9" * 3000 + b"]",
        b"[-" + b"9" * 500_000 + b"]",
        nest(33),
        nest(100_000),
        b"[" * 100_000,
        b'{"a":' * 33 + b"1" + b"}" * 33,
    ],
)
def test_what_is_not_strict_json_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse_json(data)


@pytest.mark.parametrize("data", [nest(32), b'{"a":' * 32 + b"1" + b"}" * 32, b"1", b'"\\ud83d\\ude00"'])
def test_what_is_within_the_limits_is_read(data: bytes) -> None:
    assert parse_json(data) == json.loads(data)


@pytest.mark.parametrize("data", [b'["\\ud800"]', b"[1e999]", b"[99999999999999999999]", b'["\\u0000"]'])
def test_a_value_that_spoils_only_its_message_passes(data: bytes) -> None:
    assert parse_json(data) == json.loads(data)


@pytest.mark.parametrize("data", [b'{"secret": ', b'{"secret": 1, "secret": 2}', b'["secret\xff"]', b"secret"])
def test_an_error_repeats_nothing_of_the_body(data: bytes) -> None:
    with pytest.raises(MalformedJson) as refused:
        parse_json(data)
    assert "secret" not in refused.value.detail


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"[1,", "is not valid JSON at column 4."),
        (b"[1,\n2", "is not valid JSON at line 2, column 2."),
        (b'{"a": 1}\n{"a": 2}', "has more data after its JSON, at line 2, column 1: send one value."),
        (b'["\xff"]', "is not valid UTF-8: encode it as UTF-8."),
        (b'[{"a": 1, "a": 2}]', "has an object with a duplicate key: send each key once."),
        (b"[NaN]", "has NaN or Infinity, which JSON does not allow: send null, or leave the field out."),
        (b"[" + b"9" * 3000 + b"]", "has an integer of more than 600 digits: send it as text."),
        (nest(33), "is nested more than 32 levels deep: flatten it."),
        (b"[" * 100_000, "is nested more than 32 levels deep: flatten it."),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_fault_is_told_of_what_the_data_are(data: bytes, fault: str) -> None:
    for more, what in (((), "The body"), (("This line",), "This line")):
        with pytest.raises(MalformedJson) as refused:
            parse_json(data, *more)
        assert refused.value.detail == f"{what} {fault}"


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for action in (lambda: parse_json(data), lambda: decompress(data, "gzip", LIMIT)):
        try:
            action()
        except LeadscoreError:
            continue
