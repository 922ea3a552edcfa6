"""A form's body is read however the browser wrote it."""

import tempfile
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import LeadscoreError, MalformedRequest, UnsupportedMediaType, ValidationFailed
from app.protocol.form_bodies import parse_form
from app.protocol.forms import read_form

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=X"


def part(name: str, value: str, more: str = "") -> str:
    return f'--X\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


def multipart(*parts: str) -> bytes:
    return ("".join(parts) + "--X--\r\n").encode()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"name=Ada+L&city=Orl%C3%A9ans", [("name", "Ada L"), ("city", "Orléans")]),
        (b"properties%5Bplan%5D=pro", [("properties[plan]", "pro")]),
        (b"a=1&a=2&b=", [("a", "1"), ("a", "2"), ("b", "")]),
        (b"a=x%3Dy%26z", [("a", "x=y&z")]),
        (b"a=%FF", [("a", "\xff")]),
        (b"a=Ren%C3%A9&b=Ren%E9", [("a", "Ren\xe9"), ("b", "Ren\xe9")]),
        (b"", []),
    ],
)
def test_urlencoded_fields_are_read(body: bytes, fields: list[tuple[str, str]]) -> None:
    assert parse_form(body, URLENCODED + "; charset=UTF-8") == fields


def test_multipart_fields_are_read() -> None:
    body = multipart(part("name", "Ada é\r\nL"), part("a", "1"), part("a", "2"), part("b", ""))
    assert parse_form(body, MULTIPART) == [("name", "Ada é\r\nL"), ("a", "1"), ("a", "2"), ("b", "")]


@pytest.mark.parametrize(
    ("content_type", "body", "name"),
    [
        (URLENCODED + "; charset=windows-1252", b"name=Ren%E9", "Ren\xe9"),
        (URLENCODED + "; charset=ISO-8859-1", b"name=%80+Ren\xe9", "\u20ac Ren\xe9"),  # a browser's latin1 is 1252
        (URLENCODED + '; charset="Shift_JIS"', b"name=%83e%83X%83g", "\u30c6\u30b9\u30c8"),
        (URLENCODED + "; charset=koi8-r", b"name=%E9", "\u0418"),
        (URLENCODED, b"_charset_=windows-1252&name=Ren%E9", "Ren\xe9"),
        (URLENCODED, b"name=%E9&_charset_=KOI8-R", "\u0418"),
        (URLENCODED + "; charset=windows-1251", b"name=%E9&_charset_=KOI8-R", "\u0439"),
        (URLENCODED + "; charset=utf-16", b"name=Ren%C3%A9", "Ren\xe9"),
        (URLENCODED + "; charset=klingon", b"name=Ren%C3%A9", "Ren\xe9"),
        (URLENCODED, b"name=Ren%C3%A9", "Ren\xe9"),
        (URLENCODED, b"name=Ren%E9", "Ren\xe9"),
        ("text/plain; charset=windows-1252", b"name=Ren\xe9\r\n", "Ren\xe9"),
        ("text/plain", b"_charset_=shift_jis\r\nname=\x83e\x83X\x83g\r\n", "\u30c6\u30b9\u30c8"),
        (MULTIPART, multipart(part("_charset_", "koi8-r"), part("name", "?")).replace(b"?", b"\xe9"), "\u0418"),
    ],
)
def test_a_form_is_decoded_by_the_charset_that_it_declares(content_type: str, body: bytes, name: str) -> None:
    assert parse_form(body, content_type) == [("name", name)]


def test_a_multipart_part_may_declare_its_own_charset() -> None:
    of_part = b'--X\r\nContent-Disposition: form-data; name="%s"\r\nContent-Type: text/plain; charset=%s\r\n\r\n%s\r\n'
    parts = [(b"a", b"windows-1252", b"\xe9"), (b"b", b"koi8-r", b"\xe9"), (b"c", b"UTF-8", b"\xc3\xa9")]
    body = b"".join(of_part % each for each in parts) + b"--X--\r\n"
    assert parse_form(body, MULTIPART) == [("a", "\xe9"), ("b", "\u0418"), ("c", "\xe9")]


@pytest.mark.parametrize(
    ("charset", "body", "value"),
    [
        ("; charset=windows-1251", b"a=10%26%238364%3B+%26%2328450%3B", "10\u20ac \u6f22"),
        ("; charset=shift_jis", b"a=%26%23128512%3B", "\U0001f600"),
        ("; charset=utf-8", b"a=%26%238364%3B", "&#8364;"),
        ("", b"a=%26%238364%3B", "&#8364;"),
        ("", b"a=%E9%26%238364%3B", "\xe9\u20ac"),
        ("; charset=windows-1251", b"a=%26%2360%3B%26%2355357%3B%26%231114112%3B", "&#60;&#55357;&#1114112;"),
    ],
)
def test_references_stand_for_what_a_legacy_charset_lacks(charset: str, body: bytes, value: str) -> None:
    assert parse_form(body, URLENCODED + charset) == [("a", value)]


RFC_2046 = {
    "a preamble": b"This is a message in parts.\r\n" + multipart(part("a", "1")),
    "a preamble of blank lines": b"\r\n\r\n" + multipart(part("a", "1")),
    "a preamble like a boundary": b"see --X and\r\n--XY\r\n" + multipart(part("a", "1")),
    "an epilogue": multipart(part("a", "1")) + b"--X\r\nbye",
    "no line end after the last boundary": multipart(part("a", "1")).rstrip(),
    "LF alone": multipart(part("a", "1")).replace(b"\r\n", b"\n"),
    "blanks after boundaries": multipart(part("a", "1")).replace(b"--X\r", b"--X \t\r"),
    "a folded header": multipart(part("a", "1").replace("form-data; ", "form-data;\r\n\t")),
    "a header in capitals": multipart(part("a", "1").replace("Content-Disposition", "CONTENT-DISPOSITION")),
    "a name without quotes": multipart(part("a", "1").replace('"a"', "a")),
}


@pytest.mark.parametrize("body", RFC_2046.values(), ids=RFC_2046)
def test_a_multipart_body_is_read_as_rfc_2046_has_it(body: bytes) -> None:
    assert parse_form(body, MULTIPART) == [("a", "1")]


@pytest.mark.parametrize("value", ["", "\r\n", "\r\n--", "a\r\n--XY\r\n--\r\nb", " --X", "a\n"])
def test_a_multipart_value_is_kept_to_the_byte(value: str) -> None:
    assert parse_form(multipart(part("a", value), part("b", "2")), MULTIPART) == [("a", value), ("b", "2")]


def test_a_form_without_fields_is_empty() -> None:
    assert parse_form(b"--X--\r\n", MULTIPART) == []


def test_a_quoted_boundary_is_read() -> None:
    assert parse_form(multipart(part("a", "1")), 'Multipart/Form-Data; boundary="X"') == [("a", "1")]


def test_an_empty_file_part_is_ignored() -> None:
    body = multipart(part("cv", "", '; filename=""\r\nContent-Type: application/octet-stream'), part("a", "1"))
    assert parse_form(body, MULTIPART) == [("a", "1")]


@pytest.mark.parametrize("content", ["", "bytes"])
def test_a_file_named_at_length_is_refused(content: str) -> None:
    with pytest.raises(ValidationFailed, match="Files are not accepted"):
        parse_form(multipart(part("cv", content, "; filename*=UTF-8''cv%20%C3%A9.pdf")), MULTIPART)


@pytest.mark.parametrize(("filename", "content"), [("cv.pdf", "bytes"), ("cv.pdf", ""), ("", "bytes")])
def test_a_file_is_refused(filename: str, content: str) -> None:
    with pytest.raises(ValidationFailed, match="Files are not accepted"):
        parse_form(multipart(part("cv", content, f'; filename="{filename}"')), MULTIPART)


def test_a_refused_file_never_reaches_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", None)
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", None)
    with pytest.raises(ValidationFailed):
        parse_form(multipart(part("cv", "x" * 3_000_000, '; filename="cv.pdf"')), MULTIPART)


def test_plain_lines_are_read_and_a_text_area_keeps_its_lines() -> None:
    body = b"name=Ada\r\nnote=first\r\nsecond\r\nsum=1=1\r\n"
    assert parse_form(body, "text/plain") == [("name", "Ada"), ("note", "first\r\nsecond"), ("sum", "1=1")]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"name=A&email=ada%40x.example", [("name", "A"), ("email", "ada@x.example")]),
        (b"name=Ada+L&a=&b=x=y", [("name", "Ada L"), ("a", ""), ("b", "x=y")]),
        (b"name=Ada L&email=ada@x.example", [("name", "Ada L"), ("email", "ada@x.example")]),
        (b"note=R&D=good\r\n", [("note", "R&D=good")]),
        (b"note=R&D\r\nemail=ada@x.example", [("note", "R&D"), ("email", "ada@x.example")]),
        (b"email=ada+b@x.example", [("email", "ada+b@x.example")]),
        (b"note=salt & pepper", [("note", "salt & pepper")]),
    ],
)
def test_a_script_may_send_a_query_as_plain_text(body: bytes, fields: list[tuple[str, str]]) -> None:
    assert parse_form(body, "text/plain;charset=UTF-8") == fields


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (multipart(part("a", "1"))[:-10], MULTIPART),
        (b"", MULTIPART),
        (b"nonsense", MULTIPART),
        (multipart(part("a", "1")), "multipart/form-data"),
        (multipart(part("a", "1")), "multipart/form-data; boundary=" + "X" * 300),
        (b"--X\r\nContent-Disposition: form-data\r\n\r\n1\r\n--X--\r\n", MULTIPART),
        (multipart("--X\r\n\r\n1\r\n"), MULTIPART),
        (multipart("--X\r\nnonsense\r\n"), MULTIPART),
        (multipart(part("a", "1", "; x=" + "x" * 9_000)), MULTIPART),
        (b"a", "text/plain; charset=\u20ac"),
    ],
)
def test_an_unreadable_form_is_malformed(body: bytes, content_type: str) -> None:
    with pytest.raises(MalformedRequest):
        parse_form(body, content_type)


@pytest.mark.parametrize(
    ("build", "content_type"),
    [
        (lambda count: b"&".join([b"a=1"] * count), URLENCODED),
        (lambda count: b"\r\n".join([b"a=1"] * count), "text/plain"),
        (lambda count: multipart(part("a", "1") * count), MULTIPART),
    ],
)
def test_a_thousand_fields_are_the_most(build: Any, content_type: str) -> None:
    assert len(parse_form(build(1000), content_type)) == 1000
    with pytest.raises(MalformedRequest):
        parse_form(build(1001), content_type)


@pytest.mark.parametrize("content_type", [None, "", "application/xml", "application/json", "nonsense"])
def test_any_other_type_is_unsupported(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        parse_form(b"a=1", content_type)


@given(st.binary(), st.sampled_from([URLENCODED, MULTIPART, "text/plain"]))
def test_any_bytes_are_a_form_or_refused(body: bytes, content_type: str) -> None:
    for data in (body, b"--X\r\n" + body + b"\r\n--X--\r\n"):
        try:
            read_form("f", parse_form(data, content_type))
        except LeadscoreError:
            continue


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=20))
def test_what_was_urlencoded_is_read_back(fields: list[tuple[str, str]]) -> None:
    assert parse_form(urlencode(fields).encode(), URLENCODED) == fields
