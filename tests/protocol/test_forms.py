"""A form's post is read however the browser wrote it."""

import tempfile
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import LeadscoreError, MalformedRequest, UnsupportedMediaType, ValidationFailed
from app.protocol.forms import parse_form, read_form

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
        (b"a=%FF", [("a", "\ufffd")]),
        (b"", []),
    ],
)
def test_urlencoded_fields_are_read(body: bytes, fields: list[tuple[str, str]]) -> None:
    assert parse_form(body, URLENCODED + "; charset=UTF-8") == fields


def test_multipart_fields_are_read() -> None:
    body = multipart(part("name", "Ada é\r\nL"), part("a", "1"), part("a", "2"), part("b", ""))
    assert parse_form(body, MULTIPART) == [("name", "Ada é\r\nL"), ("a", "1"), ("a", "2"), ("b", "")]


def test_a_quoted_boundary_is_read() -> None:
    assert parse_form(multipart(part("a", "1")), 'Multipart/Form-Data; boundary="X"') == [("a", "1")]


def test_an_empty_file_part_is_ignored() -> None:
    body = multipart(part("cv", "", '; filename=""\r\nContent-Type: application/octet-stream'), part("a", "1"))
    assert parse_form(body, MULTIPART) == [("a", "1")]


@pytest.mark.parametrize(("filename", "content"), [("cv.pdf", "bytes"), ("cv.pdf", ""), ("", "bytes")])
def test_a_file_is_refused(filename: str, content: str) -> None:
    with pytest.raises(ValidationFailed, match="Files are not taken"):
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
    ("body", "content_type"),
    [
        (multipart(part("a", "1"))[:-10], MULTIPART),
        (b"", MULTIPART),
        (b"nonsense", MULTIPART),
        (multipart(part("a", "1")), "multipart/form-data"),
        (multipart(part("a", "1")), "multipart/form-data; boundary=" + "X" * 300),
        (b"--X\r\nContent-Disposition: form-data\r\n\r\n1\r\n--X--\r\n", MULTIPART),
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


def test_a_form_is_an_event_with_its_name() -> None:
    message = read_form("demo", [("email", "ada@b.c")]).message
    assert message["event"] == "Form Submitted"
    assert message["properties"] == {"email": "ada@b.c", "form": "demo"}
    assert message["traits"] == {"email": "ada@b.c"}


def test_fields_of_the_protocol_mean_what_they_mean() -> None:
    control = {"event": "Demo Requested", "userId": "u1", "anonymousId": "a1", "messageId": "m1"}
    message = read_form("demo", control.items()).message
    assert message == control | {"properties": {"form": "demo"}, "traits": {}}


def test_fields_that_steer_are_kept_apart() -> None:
    post = read_form("demo", [("_next", "/thanks"), ("_gotcha", ""), ("writeKey", "k")])
    assert (post.next_url, post.honeypot_filled, post.write_key) == ("/thanks", False, "k")
    assert post.message["properties"] == {"form": "demo"}


def test_without_them_nothing_steers() -> None:
    post = read_form("demo", [("_next", ""), ("writeKey", "")])
    assert (post.next_url, post.honeypot_filled, post.write_key) == (None, False, None)


def test_a_filled_honeypot_is_told() -> None:
    assert read_form("demo", [("_gotcha", ""), ("_gotcha", "bot")]).honeypot_filled


def test_a_named_property_is_no_trait() -> None:
    message = read_form("demo", [("properties[plan]", "pro"), ("plan", "free")]).message
    assert message["properties"] == {"plan": "pro", "form": "demo"}
    assert message["traits"] == {"plan": "free"}


def test_a_repeated_field_is_a_list() -> None:
    message = read_form(
        "demo", [("topic", "a"), ("topic", "b"), ("properties[x]", "1"), ("properties[x]", "2")]
    ).message
    assert message["properties"] == {"topic": ["a", "b"], "x": ["1", "2"], "form": "demo"}


def test_a_field_left_blank_is_no_trait() -> None:
    message = read_form("demo", [("company", " "), ("topic", ""), ("topic", "")]).message
    assert message["properties"] == {"company": " ", "topic": "", "form": "demo"}
    assert message["traits"] == {}


def test_the_forms_name_is_that_of_its_path() -> None:
    assert read_form("demo", [("form", "forged"), ("", "nameless")]).message["properties"] == {"form": "demo"}
