"""An HTTP load generator: keep-alive connections that each send the next request when the last is answered.

It uses bare asyncio protocols, because a client library would need more CPU than the servers under test.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from statistics import quantiles
from time import perf_counter

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True)
class Load:
    """The result of a load: requests per second, and response times in milliseconds."""

    per_second: float
    median_ms: float
    p99_ms: float
    requests: int


def get(path: str, authorization: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\r\n".encode()


def request(path: str, authorization: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    def __init__(self, next_request: Callable[[], bytes], times: list[float], stop_at: float) -> None:
        self.next_request = next_request
        self.times = times
        self.stop_at = stop_at
        self.done = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP transports are
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.started = perf_counter()
        self.transport.write(self.next_request())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, rest = self.buffer.partition(END_OF_HEAD)
        if not separator:
            return
        lowered = head.lower()
        length = int(lowered[lowered.index(LENGTH) + len(LENGTH) :].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(self.buffer.decode()))
            return
        self.buffer = b""
        now = perf_counter()
        self.times.append(now - self.started)
        if now < self.stop_at:
            self.send()
        else:
            self.transport.close()
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the server closed the connection"))


async def run_load(port: int, connections: int, seconds: float, next_request: Callable[[], bytes]) -> Load:
    """Send requests for `seconds`, as fast as they are answered. Raises on the first response other than 200."""
    loop = asyncio.get_running_loop()
    times: list[float] = []
    started = perf_counter()
    opened = [
        await loop.create_connection(lambda: _Connection(next_request, times, started + seconds), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for _, connection in opened))
    elapsed_s = perf_counter() - started
    cuts = quantiles(times, n=100)
    return Load(len(times) / elapsed_s, cuts[49] * 1000, cuts[98] * 1000, len(times))
