"""Sending: what an answer means, and which connections are never made."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import httpcore
import pytest
import trustme

from app.webhooks.sending import MAX_ANSWER_BYTES, Answer, GuardedBackend, Resolve, WebhookClient, resolve
from tests.webhooks.receivers import always, answer, receiving
from tests.webhooks.test_addresses import DENIED

HOST = "127.0.0.1"
PUBLIC = "8.8.8.8"


class RecordingBackend(httpcore.AnyIOBackend):
    """Records the addresses that are connected to. It leads all of them to one local port."""

    def __init__(self, port: int) -> None:
        self.connected: list[str] = []
        self._port = port

    async def connect_tcp(self, host: str, port: int, *rest: Any, **options: Any) -> httpcore.AsyncNetworkStream:  # noqa: ARG002
        self.connected.append(host)
        return await super().connect_tcp(HOST, self._port, *rest, **options)


def resolving_to(*answers: Collection[str]) -> Resolve:
    """A resolver that gives each of these answers in turn, the last one again and again."""
    left = list(answers)

    async def find(_host: str, _port: int) -> Collection[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return find


@asynccontextmanager
async def client_of(backend: httpcore.AsyncNetworkBackend, **how: Any) -> AsyncIterator[WebhookClient]:
    client = WebhookClient(backend, **how)
    try:
        yield client
    finally:
        await client.close()


async def post(port: int, **how: Any) -> Answer:
    async with client_of(GuardedBackend([HOST]), **how) as client:
        return await client.post(f"http://{HOST}:{port}/hook?a=b", {"webhook-id": "m1"}, b"{}")


# --- Answers ----------------------------------------------------------------------------------------------------


async def test_a_2xx_is_success_and_the_request_is_as_asked() -> None:
    async with receiving(always("204 No Content")) as receiver:
        found = await post(receiver.port)
    assert (found.status, found.is_success, found.error, found.body) == (204, True, None, "")
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    assert body == b"{}"
    assert head.startswith(b"POST /hook?a=b HTTP/1.1\r\n")
    assert f"host: {HOST}:{receiver.port}".encode() in head.lower()
    assert b"webhook-id: m1" in head


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "400 Bad", "410 Gone", "429 Slow", "500 Oh", "503 No"])
async def test_everything_else_fails_and_is_recorded(status: str) -> None:
    async with receiving(always(status, b"a\0b\xff", "Retry-After: 7\r\nLocation: http://x.test/\r\n")) as receiver:
        found = await post(receiver.port)
    assert (found.status, found.is_success, found.retry_after) == (int(status[:3]), False, "7")
    assert found.body == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"
    assert len(receiver.requests) == 1


async def test_only_the_beginning_of_an_answer_is_read() -> None:
    async with receiving(always("200 OK", b"x" * 5_000_000)) as receiver:
        found = await post(receiver.port)
    assert found.is_success
    assert found.body == "x" * MAX_ANSWER_BYTES


async def test_a_connection_is_used_again() -> None:
    async with receiving(always("200 OK")) as receiver:
        backend = RecordingBackend(receiver.port)
        async with client_of(GuardedBackend([], resolving_to([PUBLIC]), backend)) as client:
            for _ in range(3):
                assert (await client.post("http://x.test/", {}, b"{}")).is_success
    assert backend.connected == [PUBLIC]


async def test_each_url_has_connections_of_its_own_which_close_when_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(RecordingBackend):
        closed = 0

        async def connect_tcp(self, host: str, port: int, *rest: Any, **options: Any) -> httpcore.AsyncNetworkStream:
            stream = await super().connect_tcp(host, port, *rest, **options)
            close = stream.aclose

            async def aclose() -> None:
                Counting.closed += 1
                await close()

            monkeypatch.setattr(stream, "aclose", aclose)
            return stream

    async with receiving(always("200 OK")) as receiver:
        backend = Counting(receiver.port)
        async with client_of(GuardedBackend([], resolving_to([PUBLIC]), backend)) as client:
            for url in ("http://x.test/", "http://x.test/other", "http://x.test/"):
                assert (await client.post(url, {}, b"{}")).is_success
            await client.close_unused()
            assert (len(backend.connected), Counting.closed) == (2, 0)
            monkeypatch.setattr("time.monotonic", lambda: float("inf"))
            await client.close_unused()
            assert Counting.closed == 2


async def test_a_drip_of_bytes_ends_in_time() -> None:
    async def drip(_request: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in answer("200 OK", b"x" * 1_000):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    async with receiving(drip) as receiver:
        found = await post(receiver.port, timeout_s=0.3)
    assert (found.status, found.is_success) == (None, False)
    assert found.error == "The request did not end within 0.3 seconds."
    assert 0.3 <= found.seconds < 5


async def test_a_timeout_leaves_no_connection_open() -> None:
    """Also if it comes while a connection is being closed, which here outlasts it."""

    class SlowToClose(httpcore.AsyncMockStream):
        closed = 0

        async def aclose(self) -> None:
            await asyncio.sleep(0.7)
            SlowToClose.closed += 1

    class Mute(httpcore.AsyncMockBackend):
        async def connect_tcp(self, *_where: Any, **_options: Any) -> httpcore.AsyncNetworkStream:
            return SlowToClose([b"gibberish\r\n\r\n"])

    async with client_of(GuardedBackend([], resolving_to([PUBLIC]), Mute([])), timeout_s=0.5) as client:
        assert not (await client.post("http://x.test/", {}, b"{}")).is_success
    assert SlowToClose.closed == 1


async def test_nobody_listening_and_no_http_are_errors_and_not_exceptions() -> None:
    async with receiving(always("gibberish")) as receiver:
        assert "can't be read" in ((await post(receiver.port)).error or "")
    assert "connection failed" in ((await post(receiver.port)).error or "").lower()


async def test_an_unknown_name_is_an_error() -> None:
    async with client_of(GuardedBackend([])) as client:
        for name in ("nowhere.invalid", "x" * 64 + ".test"):
            assert (await client.post(f"https://{name}/", {}, b"{}")).error == "The host's name can't be resolved."


async def test_a_client_that_sent_nothing_closes_too() -> None:
    async with client_of(GuardedBackend([])):
        pass


# --- Guarded connections ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", DENIED)
async def test_no_connection_to_a_denied_address(address: str) -> None:
    """Neither by literal (also the only one of several), nor by a name that leads there."""
    backend = RecordingBackend(1)
    literal = f"[{address.partition('%')[0]}]" if ":" in address else address
    for url, find in (
        (f"https://{literal}/", resolve),
        (f"http://{literal}:8080/", resolve),
        ("https://x.test/", resolving_to([address])),
        ("https://x.test/", resolving_to([PUBLIC, address])),
        ("https://x.test/", resolving_to([address, PUBLIC])),
    ):
        async with client_of(GuardedBackend([], find, backend)) as client:
            found = await client.post(url, {}, b"{}")
        assert found.status is None
        assert "not public" in (found.error or "")
    assert backend.connected == []


async def test_a_redirect_to_a_denied_address_is_not_followed() -> None:
    location = "Location: http://169.254.169.254/latest/meta-data\r\n"
    async with receiving(always("307 Temporary Redirect", headers=location)) as receiver:
        backend = RecordingBackend(receiver.port)
        async with client_of(GuardedBackend([], resolving_to([PUBLIC]), backend)) as client:
            assert not (await client.post("http://x.test/", {}, b"{}")).is_success
    assert backend.connected == [PUBLIC]


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """A name that resolves differently the next time (rebinding) is checked again, and then refused."""
    async with receiving(always("200 OK", headers="Connection: close\r\n")) as receiver:
        backend = RecordingBackend(receiver.port)
        async with client_of(GuardedBackend([], resolving_to([PUBLIC], ["127.0.0.1"]), backend)) as client:
            assert (await client.post("http://x.test/", {}, b"{}")).is_success
            assert not (await client.post("http://x.test/", {}, b"{}")).is_success
    assert backend.connected == [PUBLIC]


async def test_the_next_address_is_tried_if_one_does_not_answer() -> None:
    class OneDown(RecordingBackend):
        async def connect_tcp(self, host: str, port: int, *rest: Any, **options: Any) -> httpcore.AsyncNetworkStream:
            if not self.connected:
                self.connected.append(host)
                raise httpcore.ConnectError
            return await super().connect_tcp(host, port, *rest, **options)

    async with receiving(always("200 OK")) as receiver:
        backend = OneDown(receiver.port)
        async with client_of(GuardedBackend([], resolving_to([PUBLIC, "1.1.1.1"]), backend)) as client:
            assert (await client.post("http://x.test/", {}, b"{}")).is_success
    assert backend.connected == [PUBLIC, "1.1.1.1"]


async def test_the_next_address_is_tried_if_one_is_silent() -> None:
    class OneSilent(RecordingBackend):
        async def connect_tcp(self, host: str, port: int, *rest: Any, **options: Any) -> httpcore.AsyncNetworkStream:
            if host == PUBLIC:
                self.connected.append(host)
                await asyncio.sleep(options["timeout"])
                raise httpcore.ConnectTimeout
            return await super().connect_tcp(host, port, *rest, **options)

    async with receiving(always("200 OK")) as receiver:
        backend = OneSilent(receiver.port)
        guarded = GuardedBackend([], resolving_to([PUBLIC, "1.1.1.1"], [PUBLIC]), backend)
        async with client_of(guarded, connect_timeout_s=0.01) as client:
            assert (await client.post("http://x.test/", {}, b"{}")).is_success
            found = await client.post("http://y.test/", {}, b"{}")
    assert backend.connected == [PUBLIC, "1.1.1.1", PUBLIC]
    assert found.error == "The host did not accept a connection in time."


async def test_requests_to_a_host_share_a_lookup_while_it_runs() -> None:
    """Threads look names up. If each request held one, a silent DNS server would keep all other webhooks waiting."""
    lookups: list[asyncio.Future[Collection[str]]] = []

    async def find(_host: str, _port: int) -> Collection[str]:
        lookups.append(asyncio.get_running_loop().create_future())
        return await lookups[-1]

    async with client_of(GuardedBackend([], find, RecordingBackend(1)), timeout_s=0.1) as client:
        for lookup in range(2):
            answers = await asyncio.gather(*(client.post("https://x.test/", {}, b"{}") for _ in range(5)))
            assert {answer.error for answer in answers} == {"The request did not end within 0.1 seconds."}
            assert len(lookups) == lookup + 1
            lookups[-1].set_result(["10.0.0.1"])
            assert "not public" in ((await client.post("https://x.test/", {}, b"{}")).error or "")


async def test_the_name_stays_in_tls_and_in_the_host_header() -> None:
    authority = trustme.CA()
    server, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("hooks.example.com").configure_cert(server)
    authority.configure_trust(trusting)
    async with receiving(always("200 OK"), server) as receiver:
        backend = GuardedBackend([], resolving_to([PUBLIC]), RecordingBackend(receiver.port))
        async with client_of(backend, tls=trusting) as client:
            assert (await client.post("https://hooks.example.com/", {}, b"{}")).is_success
            other = await client.post("https://other.example.com/", {}, b"{}")
    assert b"host: hooks.example.com\r\n" in receiver.requests[0].lower()
    assert "certificate" in (other.error or "")
