"""NATS servers for the forwarder: a real one where it is installed, and a fake that speaks as much as is needed.

The protocol: docs.nats.io/reference/reference-protocols/nats-protocol; JetStream's replies:
docs.nats.io/reference/reference-protocols/nats_api_reference.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.listening import listening

LISTENS = re.compile(r"Listening for client connections on (\S+)")
INFO = {"server_id": "FAKE", "version": "2.10.0", "headers": True, "max_payload": 1_048_576, "proto": 1}
STREAM: dict[str, Any] = {"type": "io.nats.jetstream.api.v1.stream_create_response", "did_create": True}
STREAM |= {"config": {"name": "LEADSCORE"}, "created": "2026-11-29T09:00:00Z"}
STREAM |= {"state": {"messages": 0, "bytes": 0, "first_seq": 0, "last_seq": 0, "consumer_count": 0}}


@contextmanager
def real_nats(folder: Path) -> Iterator[str]:
    """The URL of a nats-server with JetStream on a free port."""
    binary = shutil.which("nats-server", path=f"{os.environ['PATH']}:/usr/sbin")
    if binary is None:
        pytest.skip("nats-server is not installed (Debian and Ubuntu: apt-get install nats-server)")
    command = [binary, "--jetstream", "--store_dir", str(folder), "--addr", "127.0.0.1", "--port", "-1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            address = next(match[1] for line in process.stderr if (match := LISTENS.search(line)))
            yield f"nats://{address}"
        finally:
            process.kill()


class FakeNats:
    """`messages` are the subjects of what was published, by Nats-Msg-Id. They are stored even if it doesn't say so."""

    def __init__(self) -> None:
        self.url = ""
        self.messages: dict[str, str] = {}
        self.acknowledges = True
        self._arrived = asyncio.Condition()

    async def wait_for_messages(self, count: int) -> None:
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.messages) >= count)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Lines of operations; PUB and HPUB end with a size and are followed by as many bytes."""
        writer.write(f"INFO {json.dumps(INFO)}\r\n".encode())
        inbox = b""
        while line := await reader.readline():
            operation, *arguments = line.split()
            if operation == b"PING":
                writer.write(b"PONG\r\n")
            elif operation == b"SUB":
                inbox = arguments[-1]
            elif operation in {b"PUB", b"HPUB"}:
                subject, reply_to, *_, size = arguments
                payload = await reader.readexactly(int(size) + len(b"\r\n"))
                reply = await self._reply(subject.decode(), payload.decode())
                if reply:
                    writer.write(b"MSG %b %b %d\r\n%b\r\n" % (reply_to, inbox, len(reply), reply))

    async def _reply(self, subject: str, payload: str) -> bytes:
        if subject.startswith("$JS.API."):
            return json.dumps(STREAM).encode()
        match = re.search(r"Nats-Msg-Id: ?(\S+)", payload)
        assert match
        async with self._arrived:
            self.messages[match[1]] = subject
            self._arrived.notify_all()
        return json.dumps({"stream": "LEADSCORE", "seq": len(self.messages)}).encode() if self.acknowledges else b""


@asynccontextmanager
async def fake_nats() -> AsyncIterator[FakeNats]:
    fake = FakeNats()
    async with listening(fake.converse) as port:
        fake.url = f"nats://127.0.0.1:{port}"
        yield fake
