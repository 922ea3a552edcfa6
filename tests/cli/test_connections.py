"""What the server writes in one turn of the event loop goes out at once."""

import asyncio
from typing import cast

import pytest

from app.cli.connections import JoiningTransport


class Recorder:
    """A transport that notes what happens to it."""

    def __init__(self) -> None:
        self.seen: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        if self.is_closing():
            raise RuntimeError  # as uvloop does
        self.seen.append(data)

    def close(self) -> None:
        self.seen.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.seen


def joining(recorder: Recorder) -> JoiningTransport:
    return JoiningTransport(cast("asyncio.Transport", recorder))


async def test_what_is_written_in_one_turn_is_sent_at_once_and_in_order() -> None:
    transport = joining(recorder := Recorder())
    transport.write(b"head ")
    transport.write(b"body")
    await asyncio.sleep(0)
    transport.write(b"more")
    await asyncio.sleep(0)
    assert recorder.seen == [b"head body", b"more"]


async def test_everything_is_sent_before_the_connection_is_closed() -> None:
    transport = joining(recorder := Recorder())
    transport.write(b"last")
    transport.close()
    await asyncio.sleep(0)
    assert recorder.seen == [b"last", "closed"]
    assert transport.is_closing()


async def test_whoever_writes_to_a_client_that_has_gone_is_stopped_at_once() -> None:
    transport = joining(recorder := Recorder())
    transport.write(b"late")
    recorder.close()
    await asyncio.sleep(0)
    assert recorder.seen == ["closed"]
    with pytest.raises(RuntimeError):
        transport.write(b"later")
