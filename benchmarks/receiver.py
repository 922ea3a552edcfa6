"""A receiver of webhooks that answers 204 without looking, so that the time is the sender's."""

import asyncio

import uvloop

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Receiver(asyncio.Protocol):
    """Counts the bytes of each request: a head, and a body of the length that the head gives."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (head := self._received.find(b"\r\n\r\n")) >= 0:
            fields = self._received[:head].lower().split(b"\r\n")
            length = next((int(field[15:]) for field in fields if field.startswith(b"content-length:")), 0)
            if len(self._received) < head + 4 + length:
                return
            self._received = self._received[head + 4 + length :]
            self._transport.write(ANSWER)  # type: ignore[attr-defined]  # of a connection, it can write


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port)
    await server.serve_forever()


def main(port: int) -> None:
    uvloop.run(_serve(port))
