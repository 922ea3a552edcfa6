"""The feed of real server processes: pollers, long-pollers and event streams each see every change once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
from httpx_sse import aconnect_sse

from app.storage.db import Database
from tests import databases
from tests.api.server import Server, serving
from tests.services.harness import Service
from tests.services.test_feed import hold_transactions

WRITERS = 8
Seen = list[tuple[int, str]]
"""Position and id of each change."""


def message(user: str, event: str) -> dict[str, Any]:
    return {"type": "track", "userId": user, "event": event, "messageId": str(uuid4())}


@asynccontextmanager
async def reading(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {server.keys['read']}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as client:
        yield client


async def send(server: Server, *batches: list[dict[str, Any]]) -> None:
    async with httpx.AsyncClient(base_url=server.url, auth=(server.keys["server"], ""), timeout=60) as client:
        for batch in batches:
            answer = await client.post("/v1/batch", json={"batch": batch})
            assert answer.json()["accepted"] == len(batch)


async def poll(server: Server, end: asyncio.Future[int], wait: float, limit: int, **wanted: str) -> Seen:
    """What a reader who keeps its cursor sees, up to the position `end`.

    An empty page is not the end: an open transaction of anyone's hides what was committed after it began.
    """
    seen: Seen = []
    cursor = "0"
    async with reading(server) as client:
        while not (end.done() and int(cursor) >= end.result()):
            answer = await client.get("/v1/changes", params=wanted | {"after": cursor, "wait": wait, "limit": limit})
            page = answer.raise_for_status().json()
            seen += [(change["position"], change["id"]) for change in page["data"]]
            cursor = page["next_cursor"]
    return seen


async def listen(server: Server, end: asyncio.Future[int]) -> Seen:
    """What an event stream sends, up to the position `end`. It reconnects after every 50 events."""
    seen: Seen = []
    last_id = "0"
    async with reading(server) as client:
        while not (end.done() and int(last_id) >= end.result()):
            headers = {"Last-Event-ID": last_id}
            async with aconnect_sse(client, "GET", "/v1/changes", headers=headers) as stream:
                received = 0
                async for event in stream.aiter_sse():
                    last_id = event.id
                    if event.data:
                        seen.append((event.json()["position"], event.json()["id"]))
                        received += 1
                    if received == 50 or (end.done() and int(last_id) >= end.result()):
                        break
    return seen


def test_three_readers_of_two_servers_see_every_change_once(postgres_url: str) -> None:
    """While eight writers commit through both, and transactions are held open."""
    with serving(postgres_url) as first, serving(postgres_url, first.keys) as second:
        end, (polled, long_polled, streamed) = databases.run(read_and_write(first, second))
    assert [position for position, _ in polled] == list(range(1, end + 1))
    assert len({change for _, change in polled}) == end
    assert polled == long_polled == streamed


async def read_and_write(first: Server, second: Server) -> tuple[int, list[Seen]]:
    """The position at which the feed ends, and what each of three readers saw."""
    service, done = Service(Database(first.database_url, pool_size=4)), asyncio.Event()
    end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    readers = (poll(first, end, 0, 7), poll(second, end, 2, 100), listen(second, end))
    reading = [asyncio.create_task(reader) for reader in readers]
    holding = asyncio.create_task(hold_transactions(service, done))
    await asyncio.gather(*(write((first, second)[number % 2], number) for number in range(WRITERS)))
    done.set()
    assert await holding > 0
    end.set_result((await service.feed.bounds()).last)
    seen = await asyncio.gather(*reading)
    await service.database.close()
    return end.result(), seen


async def write(server: Server, writer: int) -> None:
    names = ("Feature Used", "Demo Requested", "Page Viewed")
    await send(server, *([message(f"u{(writer + each) % 12}", names[each % 3])] for each in range(12)))


def test_polling_misses_no_lead_while_large_batches_are_committed(database_url: str) -> None:
    """The case that `updated_after` misses: two senders with batches of 400, each of which makes leads sales-ready."""
    with serving(database_url) as server:
        seen, became_sql = databases.run(poll_during_batches(server))
    assert len(became_sql) == 2_400
    assert became_sql <= seen


async def poll_during_batches(server: Server) -> tuple[set[str], set[str]]:
    """The ids of the changes that a poller saw, and of those of leads that became `sql`."""
    service, end = Service(Database(server.database_url)), asyncio.get_running_loop().create_future()
    poller = asyncio.create_task(poll(server, end, 0, 1_000))
    await asyncio.gather(*(send(server, *batches_of(sender)) for sender in range(2)))
    end.set_result((await service.feed.bounds()).last)
    seen = {change for _, change in await poller}
    became_sql = {change for _, change in await poll(server, end, 0, 1_000, stage="sql")}
    await service.database.close()
    return seen, became_sql


def batches_of(sender: int) -> list[list[dict[str, Any]]]:
    return [[message(f"u{sender}-{batch}-{each}", "Demo Requested") for each in range(400)] for batch in range(3)]
