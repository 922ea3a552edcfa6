"""HTTP/1.1 over a real socket: offers to switch to another protocol are ignored, however and wherever they come."""

import itertools
import json
from base64 import b64encode
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.api.server import Server, Wire, fresh_database, serving

H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAA")
OFFERS = {
    "h2c": H2C,
    "in any case": ("connection: UPGRADE", "UPGRADE: H2C"),
    "several": ("Connection: keep-alive", "Connection: Upgrade", "Upgrade: TLS/1.2, h2c", "Upgrade: IRC/6.9"),
    "websocket": ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA=="),
    "made up": ("Connection: Upgrade", "Upgrade: made-up/1"),
    "none": (),
}
offers = pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS.keys())


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with fresh_database(request, "sqlite") as url, serving(url) as server:
        yield server


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    with Wire(server) as wire:
        yield wire


def message() -> bytes:
    return json.dumps({"event": "Liked", "userId": "u1", "messageId": str(uuid4())}).encode()


def head(wire: Wire, *fields: str, start: str = "POST /v1/track HTTP/1.1") -> bytes:
    key = b64encode(f"{wire.server.keys['write']}:".encode()).decode()
    return "\r\n".join([start, "Host: leadscore.test", f"Authorization: Basic {key}", *fields, "", ""]).encode()


def post(wire: Wire, *fields: str) -> bytes:
    body = message()
    return head(wire, *fields, f"Content-Length: {len(body)}") + body


def assert_stored(wire: Wire) -> None:
    status, body = wire.answer()
    assert (status, json.loads(body)) == (200, {"success": True, "accepted": 1, "duplicates": 0})


@offers
def test_a_body_with_a_length_is_read(wire: Wire, offer: tuple[str, ...]) -> None:
    wire.say(post(wire, *offer))
    assert_stored(wire)


@offers
def test_a_chunked_body_is_read(wire: Wire, offer: tuple[str, ...]) -> None:
    body = message()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:9], body[9:]))
    wire.say(head(wire, *offer, "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n")
    assert_stored(wire)


@offers
def test_a_request_in_many_segments_is_read(wire: Wire, offer: tuple[str, ...]) -> None:
    request = post(wire, *offer)
    end_of_head = request.index(b"\r\n\r\n")
    cuts = [0, 3, 40, end_of_head + 1, end_of_head + 4, end_of_head + 9, len(request)]
    wire.say(*(request[begin:end] for begin, end in itertools.pairwise(cuts)))
    assert_stored(wire)


@offers
def test_expect_continue_is_answered(wire: Wire, offer: tuple[str, ...]) -> None:
    body = message()
    wire.say(head(wire, *offer, "Expect: 100-continue", f"Content-Length: {len(body)}"))
    assert wire.answer() == (100, b"")
    wire.say(body)
    assert_stored(wire)


@offers
def test_a_connection_serves_requests_after_an_offer(wire: Wire, offer: tuple[str, ...]) -> None:
    for fields in (offer, (), offer):
        wire.say(post(wire, *fields))
        assert_stored(wire)


@offers
def test_pipelined_requests_are_all_answered(wire: Wire, offer: tuple[str, ...]) -> None:
    wire.say(b"".join(post(wire, *fields) for fields in (offer, (), offer, offer)))
    for _ in range(4):
        assert_stored(wire)


def test_thousands_of_offers_in_one_segment_are_answered_one_by_one(wire: Wire) -> None:
    count = 2_000
    wire.say(head(wire, *H2C, start="GET /livez HTTP/1.1") * count)
    assert {wire.answer()[0] for _ in range(count)} == {200}


@pytest.mark.parametrize(
    "start", ["POST /v1/track HTTP/1.1", "POST /v1/track HTTP/1.0"], ids=["Connection: close", "HTTP/1.0"]
)
def test_a_connection_closes_after_the_answer_if_the_client_asks_for_it(wire: Wire, start: str) -> None:
    body = message()
    fields = ("Connection: close, Upgrade", "Upgrade: h2c", f"Content-Length: {len(body)}")
    wire.say(head(wire, *fields, start=start) + body)
    assert_stored(wire)
    assert wire.is_closed()


def test_a_request_without_a_body_is_answered(wire: Wire) -> None:
    wire.say(head(wire, *H2C, start="GET /livez HTTP/1.1"))
    assert wire.answer() == (200, b'{"status":"ok"}')


def test_an_offer_is_not_logged(server: Server, wire: Wire) -> None:
    wire.say(post(wire, *H2C))
    assert_stored(wire)
    assert "pgrade" not in server.log


def test_a_broken_body_after_an_offer_is_the_clients_fault(wire: Wire) -> None:
    wire.say(head(wire, *H2C, "Transfer-Encoding: chunked") + b"nonsense\r\n")
    assert wire.answer()[0] == 400
    assert wire.is_closed()


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET http://leads.example.com/livez HTTP/1.1", 200),  # as to a proxy
        ("HEAD /livez HTTP/1.0", 200),
        ("GET //livez HTTP/1.1", 200),
        ("GET /livez?x=\xe9 HTTP/1.1", 400),
        ("OPTIONS * HTTP/1.1", 404),
        ("OPTIONS /v1/track HTTP/1.1", 405),
        ("TRACE /v1/track HTTP/1.1", 405),
        ("CONNECT /v1/track HTTP/1.1", 405),
        ("CONNECT leads.example.com:443 HTTP/1.1", 400),
        ("GET http://leads.example.com HTTP/1.1", 400),
        ("BREW /livez HTTP/1.1", 400),
        ("PRI * HTTP/2.0", 400),
    ],
)
def test_an_odd_request_is_answered(wire: Wire, request_line: str, status: int) -> None:
    wire.say(f"{request_line}\r\nHost: leadscore.test\r\n\r\n".encode("latin-1"))
    assert wire.answer()[0] == status


@pytest.mark.parametrize("host", ["", "[", "[::1", "a b", "a/b", "a@b", "a:port", "a:99999", "\xe9", "a\r\nHost: b"])
@pytest.mark.parametrize("path", ["/nowhere", "/v1/projects/ls_write_x/settings"])
def test_an_odd_host_causes_no_crash(wire: Wire, path: str, host: str) -> None:
    wire.say(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("latin-1"))
    assert wire.answer()[0] in {401, 404}
