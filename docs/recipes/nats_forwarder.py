"""Forwards leadscore's feed of changes to NATS JetStream, on subjects such as leadscore.lead.stage_changed.

    pip install httpx nats-py
    URL=https://leads.example.com READ_KEY=ls_read_… NATS_URL=nats://localhost:4222 python nats_forwarder.py

Follows the feed as an event stream. The position is saved in CURSOR_FILE (default: cursor.txt) after JetStream has
stored a change, so after a crash a change may be published again, with the same Nats-Msg-Id: JetStream drops it within
its duplicate window. Creates the stream LEADSCORE unless it exists.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import nats
from nats.js import JetStreamContext

RECONNECT_S = 2


async def main() -> None:
    headers = {"Authorization": f"Bearer {os.environ['READ_KEY']}", "Accept": "text/event-stream"}
    cursor_file = Path(os.environ.get("CURSOR_FILE", "cursor.txt"))
    connection = await nats.connect(os.environ.get("NATS_URL", "nats://localhost:4222"))
    jetstream = connection.jetstream()
    await jetstream.add_stream(name="LEADSCORE", subjects=["leadscore.>"])
    async with httpx.AsyncClient(base_url=os.environ["URL"], headers=headers, timeout=60) as leadscore:
        while True:
            with suppress(httpx.TransportError):
                await forward(leadscore, jetstream, cursor_file)
            await asyncio.sleep(RECONNECT_S)


async def forward(leadscore: httpx.AsyncClient, jetstream: JetStreamContext, cursor_file: Path) -> None:
    """Publishes the changes of one stream; leadscore ends it after ten minutes."""
    async with leadscore.stream("GET", "/v1/changes", headers={"Last-Event-ID": load(cursor_file)}) as response:
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return
        response.raise_for_status()  # 410: the feed no longer has what follows the cursor
        async for position, data in events(response):
            if data:
                change = json.loads(data)
                message_id = {"Nats-Msg-Id": change["id"]}
                await jetstream.publish(f"leadscore.{change['type']}", data.encode(), headers=message_id)
            save(cursor_file, position)


async def events(response: httpx.Response) -> AsyncIterator[tuple[str, str]]:
    """The id and the data of each server-sent event; leadscore's data are one line, and empty in a heartbeat."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif "id" in fields:
            yield fields["id"], fields.get("data", "")
            fields = {}


def load(cursor_file: Path) -> str:
    """Empty at first: the stream then begins with the oldest change that the feed keeps."""
    return cursor_file.read_text() if cursor_file.exists() else ""


def save(cursor_file: Path, cursor: str) -> None:
    """Replaces the file in one step, so that it is never half written."""
    new = cursor_file.with_suffix(".new")
    new.write_text(cursor)
    new.replace(cursor_file)


if __name__ == "__main__":
    asyncio.run(main())
