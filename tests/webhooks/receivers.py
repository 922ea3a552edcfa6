"""Receivers of webhooks on the loopback interface: each answers with the bytes that the test gives."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.listening import listening

Answering = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Receiver:
    """A receiver's port, and the requests that it has received, each as its bytes."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    _waiting: list[asyncio.Future[bytes]] = field(default_factory=list)

    def next_request(self) -> Awaitable[bytes]:
        """The next request to arrive."""
        self._waiting.append(asyncio.get_running_loop().create_future())
        return asyncio.wait_for(self._waiting[-1], 30)

    def receive(self, request: bytes) -> None:
        self.requests.append(request)
        while self._waiting:
            self._waiting.pop().set_result(request)


@asynccontextmanager
async def receiving(answering: Answering, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A server that reads requests with a length, and has them answered, until the client closes the connection."""
    receiver = Receiver(0)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            request = head + await reader.readexactly(length)
            receiver.receive(request)
            await answering(request, writer)
            await writer.drain()

    async with listening(converse, tls) as receiver.port:
        yield receiver


def answer(status: str, body: bytes = b"", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def always(status: str, body: bytes = b"", headers: str = "") -> Answering:
    async def answering(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status, body, headers))

    return answering
