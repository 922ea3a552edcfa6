"""Bodies over HTTP: how they are unpacked and recognised, and where they end."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.harness import Api, accepted, assert_problem, assert_refused, running, track

MIB = 1024 * 1024


# --- Bodies -----------------------------------------------------------------------------------------------------

ANY_TYPE = ["application/json", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "image/png", ""]


async def test_json_is_recognised_by_its_first_byte_whatever_the_content_type(web: Api) -> None:
    for content_type in ANY_TYPE:
        body = b" \r\n" + json.dumps({"batch": [track()]}).encode()
        assert accepted(await web.post("/v1/batch", body, Content_Type=content_type)) == (1, 0), content_type


async def test_gzipped_json_is_recognised_whatever_the_content_type(api: Api) -> None:
    for content_type in ANY_TYPE:
        body = gzip.compress(json.dumps({"batch": [track()]}).encode())
        answer = await api.post("/v1/batch", body, Content_Type=content_type, Content_Encoding="gzip")
        assert accepted(answer) == (1, 0), content_type


async def test_a_chunked_body_without_a_length_is_accepted(api: Api) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        data = gzip.compress(json.dumps({"batch": [track(), track()]}).encode())
        for start in range(0, len(data), 7):
            yield data[start : start + 7]

    headers = {"Content-Encoding": "gzip"}
    answer = await api.client.post("/v1/batch", content=chunks(), headers=headers, auth=(api.keys["write"], ""))
    assert accepted(answer) == (2, 0)


MALFORMED = [
    b"",
    b"   ",
    b'{"event": ',
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": -Infinity}',
    b'{"a": "\xff"}',
    '{"a": 1}'.encode("utf-16"),
    b'{"a": ' * 33 + b"1" + b"}" * 33,
    b"[" * 100_000,
    b'{"a": ' + b"9" * 5_000 + b"}",
    b'{"a": 1, "a": 2}',
    b"event=Trial+Started&userId=u1",
]


@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
async def test_a_body_that_is_not_json_is_refused(web: Api, path: str) -> None:
    for body in MALFORMED:
        assert_refused(await web.post(path, body), 400, "malformed-json")


async def test_corrupt_gzip_is_refused(web: Api) -> None:
    for body in (b"not gzip", gzip.compress(b"{}")[:-4], gzip.compress(b'{"a":1}')[:12]):
        answer = await web.post("/v1/track", body, Content_Encoding="gzip")
        assert_refused(answer, 400, "malformed-request")


async def test_other_encodings_are_refused(web: Api) -> None:
    for encoding in ("br", "deflate", "gzip, gzip", "zstd"):
        answer = await web.post("/v1/track", zlib.compress(b"{}"), Content_Encoding=encoding)
        assert_refused(answer, 415, "unsupported-encoding")


async def test_two_content_encoding_headers_count_as_two_encodings(web: Api) -> None:
    headers = [("Content-Encoding", "gzip"), ("Content-Encoding", "gzip")]
    body, sender = gzip.compress(b'{"batch": []}'), (web.keys["write"], "")
    answer = await web.client.post("/v1/batch", content=body, headers=headers, auth=sender)
    assert_refused(answer, 415, "unsupported-encoding")


# --- Limits -----------------------------------------------------------------------------------------------------


async def test_a_body_declared_too_long_is_not_read(web: Api) -> None:
    async def unread() -> AsyncIterator[bytes]:
        yield pytest.fail("the body was read")

    headers = {"Content-Length": str(4 * MIB + 1)}
    answer = await web.client.post("/v1/batch", content=unread(), headers=headers, auth=(web.keys["write"], ""))
    assert_refused(answer, 413, "content-too-large")


async def test_a_chunked_body_is_read_only_up_to_the_limit(web: Api) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += MIB
            yield b" " * MIB

    answer = await web.client.post("/v1/batch", content=endless(), auth=(web.keys["write"], ""))
    assert_refused(answer, 413, "content-too-large")
    assert read == 5 * MIB


async def test_a_gzip_bomb_is_refused(web: Api) -> None:
    answer = await web.post("/v1/batch", gzip.compress(b" " * (64 * MIB), 1), Content_Encoding="gzip")
    assert_refused(answer, 413, "content-too-large")


async def test_a_body_of_the_maximum_size_is_accepted(web: Api) -> None:
    body = json.dumps({"batch": [track()]}).encode()
    assert accepted(await web.post("/v1/batch", body.ljust(4 * MIB))) == (1, 0)
    assert_refused(await web.post("/v1/batch", body.ljust(4 * MIB + 1)), 413, "content-too-large")


async def test_a_batch_of_the_maximum_count_is_accepted(api: Api) -> None:
    messages = [track(userId=f"u{number % 50}") for number in range(2_500)]
    assert accepted(await api.batch(*messages)) == (2_500, 0)
    assert_refused(await api.batch(*messages, track()), 413, "content-too-large")


async def test_only_the_message_that_is_too_long_is_refused(api: Api) -> None:
    answer = await api.batch(track(), track(messageId="m2", properties={"text": "x" * 33_000}), track())
    assert (answer.status_code, answer.json()["accepted"]) == (200, 2)
    [refused] = answer.json()["rejected"]
    assert (refused["index"], refused["messageId"], refused["code"]) == (1, "m2", "content-too-large")


async def test_a_single_message_that_is_too_long_is_413(web: Api) -> None:
    message = track(properties={"text": "x" * 33_000})
    assert_refused(await web.send("/v1/track", message), 413, "content-too-large")
    assert_refused(await web.batch(message), 413, "content-too-large")


async def test_a_slow_body_is_cut_off(sqlite_url: str) -> None:
    async def drip() -> AsyncIterator[bytes]:
        yield b'{"batch": ['
        await asyncio.Event().wait()

    async with running(sqlite_url, body_timeout_s=0.05) as web:
        answer = await web.client.post("/v1/batch", content=drip(), auth=(web.keys["write"], ""))
    assert_refused(answer, 408, "request-timeout")


async def test_a_client_that_disconnects_causes_no_crash(web: Api) -> None:
    told: list[Any] = []
    scope = {"type": "http", "method": "POST", "path": "/v1/track", "query_string": b"", "headers": []}
    events = iter([{"type": "http.request", "body": b'{"ev', "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(events)

    async def send(message: Any) -> None:
        told.append(message)

    await web.app(scope | {"http_version": "1.1", "scheme": "http", "server": ("test", 80)}, receive, send)
    assert told[0]["status"] == 400


# --- Bodies of questions ----------------------------------------------------------------------------------------

QUESTIONS: dict[str, Any] = {
    "/v1/keys": {"kind": "read", "name": "crm"},
    "/v1/leads/lookup": {"identities": [{"user_id": "u1"}]},
    "/v1/evaluate": {"messages": []},
    "/v1/models/1/preview": {},
    "/v1/models/1/publish": {"notify": "none"},
}


@pytest.mark.parametrize("path", QUESTIONS)
async def test_the_json_of_a_query_is_recognised_whatever_the_content_type(web: Api, path: str) -> None:
    for content_type in ANY_TYPE:
        headers = web.bearer("admin") | {"Content-Type": content_type}
        answer = await web.client.post(path, content=json.dumps(QUESTIONS[path]), headers=headers)
        assert answer.is_success, answer.text


@pytest.mark.parametrize("path", QUESTIONS)
async def test_the_body_of_a_query_has_the_general_limits(web: Api, path: str) -> None:
    headers = web.bearer("admin")
    for body in MALFORMED:
        assert_problem(await web.client.post(path, content=body, headers=headers), 400, "malformed-json")
    body = b"[" + b" " * (4 * MIB)
    assert_problem(await web.client.post(path, content=body, headers=headers), 413, "content-too-large")
