"""Processes that share a database: exact counts, each message once, and nothing that was acknowledged is lost.

LEADSCORE_TEST_KILLS sets how often a server is killed while eight write.
"""

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests import databases
from tests.api.harness import until
from tests.api.server import Server, fresh_database, make_keys, serving

KILLS = int(os.environ.get("LEADSCORE_TEST_KILLS", "3"))


@contextmanager
def replicas(url: str, count: int) -> Iterator[list[Server]]:
    """Processes on one database, which know the same keys."""
    keys = make_keys(url)
    with serving(url, keys) as first:
        if count == 1:
            yield [first]
            return
        with serving(url, keys) as second:
            yield [first, second]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def servers(request: pytest.FixtureRequest) -> Iterator[list[Server]]:
    """One process on SQLite; two on PostgreSQL. They serve several tests, each of which has people of its own."""
    processes = 1 if request.param == "sqlite" else 2
    with fresh_database(request, request.param) as url, replicas(url, processes) as servers:
        yield servers


def message(message_id: str, user: str) -> dict[str, Any]:
    return {"type": "track", "event": "Liked", "userId": user, "messageId": message_id}


async def send(client: httpx.AsyncClient, server: Server, *messages: dict[str, Any]) -> httpx.Response:
    body = json.dumps({"batch": messages}).encode()
    return await client.post(f"{server.url}/v1/batch", content=body, auth=(server.keys["write"], ""))


async def send_all(servers: Sequence[Server], batches: Sequence[Sequence[dict[str, Any]]]) -> list[httpx.Response]:
    """Every batch by a client of its own, all at once, spread over the processes."""
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:
        sent = (send(client, servers[number % len(servers)], *batch) for number, batch in enumerate(batches))
        return await asyncio.gather(*sent)


def count_of(server: Server, user: str) -> int:
    count: int = server.ask("/v1/leads/lookup", user_id=user)["event_count"]
    return count


async def test_100_concurrent_clients_are_counted_exactly(servers: list[Server]) -> None:
    answers = await send_all(servers, [[message(f"one-{number}", "one")] for number in range(100)])
    assert [(answer.status_code, answer.json()["accepted"]) for answer in answers] == [(200, 1)] * 100
    assert [count_of(server, "one") for server in servers] == [100] * len(servers)


async def test_50_copies_of_a_message_count_once(servers: list[Server]) -> None:
    batches = [[message(f"copy-{number}", "two") for number in range(copy % 2, 40, 2)] for copy in range(100)]
    answers = await send_all(servers, batches)
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["accepted"] for answer in answers) == 40
    assert sum(answer.json()["duplicates"] for answer in answers) == 49 * 40
    lead = servers[-1].ask("/v1/leads/lookup", user_id="two")
    events = servers[-1].ask(f"/v1/leads/{lead['id']}/events", limit="200")["data"]
    assert (lead["event_count"], len(events)) == (40, 40)


async def test_the_same_person_arriving_everywhere_at_once_is_one_lead(servers: list[Server]) -> None:
    known = {"email": "ada@example.com"}
    batches = [
        [{"type": "identify", "anonymousId": f"a{number}", "traits": known, "messageId": f"same-{number}"}]
        for number in range(40)
    ]
    answers = await send_all(servers, batches)
    assert {answer.status_code for answer in answers} == {200}
    lead = servers[-1].ask("/v1/leads/lookup", **known)
    assert (lead["event_count"], len(lead["identities"]["anonymous_id"])) == (40, 40)


async def write_until_killed(server: Server, writer: int, acknowledged: list[str]) -> None:
    """Send one message after the other, and note those that are acknowledged, until nobody answers."""
    async with httpx.AsyncClient(timeout=30) as client:
        for number in range(100_000):
            message_id = f"{server.process.pid}-{writer}-{number}"
            try:
                answer = await send(client, server, message(message_id, f"u{number % 5}"))
            except httpx.TransportError:
                return
            assert answer.json()["accepted"] == 1
            acknowledged.append(message_id)


async def kill_while_writing(server: Server, enough: int, acknowledged: list[str]) -> None:
    """Kill a process when it has acknowledged that many messages to eight writers, and note all that it has."""
    enough += len(acknowledged)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for writer in range(8):
            tasks.create_task(write_until_killed(server, writer, acknowledged))
        await until(lambda: len(acknowledged) >= enough)
        server.process.kill()
    server.process.wait(timeout=30)


def stored_ids(server: Server) -> list[str]:
    found: list[str] = []
    for lead in server.ask("/v1/leads", limit="200")["data"]:
        asked: dict[str, str] = {"limit": "200"}
        while True:
            page = server.ask(f"/v1/leads/{lead['id']}/events", **asked)
            found += [event["message_id"] for event in page["data"]]
            if page["next_cursor"] is None:
                break
            asked["cursor"] = page["next_cursor"]
    return found


def test_acknowledged_messages_survive_kills_and_are_stored_once(database_url: str) -> None:
    keys, acknowledged = make_keys(database_url), list[str]()
    for kill in range(KILLS):
        with serving(database_url, keys) as server:
            databases.run(kill_while_writing(server, 40 + 60 * kill, acknowledged))
    with serving(database_url, keys) as server:
        stored = stored_ids(server)
        leads = server.ask("/v1/leads", limit="200")["data"]
    assert set(acknowledged) - set(stored) == set()
    assert len(stored) == len(set(stored)) == sum(lead["event_count"] for lead in leads)


def test_one_process_is_killed_and_the_other_continues(postgres_url: str) -> None:
    acknowledged: list[str] = []
    with replicas(postgres_url, 2) as (killed, survivor):
        databases.run(kill_while_writing(killed, 50, acknowledged))
        assert survivor.send("/v1/track", message("after", "u0")).json()["accepted"] == 1
        stored = stored_ids(survivor)
    assert set(acknowledged) - set(stored) == set()
