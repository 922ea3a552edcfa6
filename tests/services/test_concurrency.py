"""Concurrent clients, commits and replicas: nothing is lost, and nothing counts twice."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any

from sqlalchemy import text

from app.services.ingest import store
from app.services.writer import Receipt
from app.storage.db import Database
from tests.services.harness import NOW, Clock, Service, alias, days_ago, event, running, serving, small_model
from tests.services.people import people_of
from tests.services.rebuild import event_log, stored


async def test_a_hundred_concurrent_clients_count_one_lead_exactly(service: Service) -> None:
    await asyncio.gather(*(service.ingest(event("u1", name="Feature Used")) for _ in range(100)))
    lead = (await service.lead("u1")).lead
    assert lead.facts.event_count == 100
    assert [sum(days.values()) for days in lead.facts.tally.values()] == [100]


async def test_concurrent_commits_count_one_lead_exactly(service: Service) -> None:
    async with AsyncExitStack() as stack:
        writers = [service.new_writer(commit_messages=5) for _ in range(3)]
        for writer in writers:
            await stack.enter_async_context(running(writer))
        sent = [event("u1", f"a{number % 7}", message_id=f"m{number % 60}") for number in range(120)]
        receipts = await asyncio.gather(*(writers[number % 3].submit([each]) for number, each in enumerate(sent)))
    assert sum(each.accepted for each in receipts) == sum(each.duplicates for each in receipts) == 60
    assert {row["event_count"] for row in (await stored(service.database)).values()} == {60}


def overlapping(task: int) -> Iterator[Any]:
    """Batches of one of many clients: each message is sent by two of them, and all identities are linked."""
    for number in range(12):
        key, other = f"u{number % 3}", f"a{(number + task // 2) % 5}"
        yield event(key, other, message_id=f"{task // 2}-{number}", name="Feature Used", at=days_ago(number))


async def test_concurrent_replicas_lose_nothing_and_count_nothing_twice(database_url: str) -> None:
    async with AsyncExitStack() as stack:
        model = small_model()
        first = await stack.enter_async_context(serving(database_url, model))
        replicas = [first, *[await stack.enter_async_context(serving(database_url)) for _ in range(2)]]

        async def send(task: int) -> list[Receipt]:
            return [await replicas[task % 3].ingest(each) for each in overlapping(task)]

        receipts = [each for sent in await asyncio.gather(*map(send, range(24))) for each in sent]
        state = await stored(first.database)
        assert sum(each.accepted for each in receipts) == sum(each.duplicates for each in receipts) == 144
        assert len(await event_log(first.database)) == 144
        assert sum(row["event_count"] for row in state.values()) == 144


async def test_replicas_that_merge_the_same_people_agree(database_url: str) -> None:
    keys = [f"a{number}" for number in range(8)]
    links = [event(one, other) for one, other in pairwise(keys)]
    links += [event("u1", "a0"), alias("u1", "u2"), event("u2", "a7")]
    async with serving(database_url, small_model()) as first, serving(database_url) as second:
        lone = [first.ingest(event(key)) for key in keys] + [second.ingest(event(key)) for key in keys]
        await asyncio.gather(*lone)
        await asyncio.gather(*(replica.ingest(each) for each in links for replica in (first, second)))
        state = await stored(first.database)
        (person,) = people_of(links)
        assert list(state) == [tuple(sorted(map(str, person)))]
        assert state[next(iter(state))]["event_count"] == 16 + len(links)


async def test_a_lead_merged_away_while_a_commit_waits_for_it_is_looked_up_again(postgres_url: str) -> None:
    async with serving(postgres_url, small_model()) as service:
        await service.ingest(event("a1"), event("u1"))
        async with service.database.write() as connection:
            await store(connection, service.models, [event("u1", "a1")], NOW)
            waiting = asyncio.create_task(service.ingest(event("a1")))
            await until_a_lock_is_waited_for(service.database)
        assert await waiting == Receipt(1, 0, frozenset())
        assert (await service.lead("a1")).lead.facts.event_count == 4
        assert service.measured("leadscore_commit_conflicts_total") == 1


async def until_a_lock_is_waited_for(database: Database, waiters: int = 1) -> None:
    waits = (
        "datname = current_database() AND wait_event_type = 'Lock'"  # the server also has the databases of other tests
    )
    query = text(f"SELECT count(*) FROM pg_stat_activity WHERE {waits}")  # noqa: S608
    waiting = 0
    while waiting < waiters:
        async with database.read() as connection:
            waiting = (await connection.execute(query)).scalar_one()


async def test_a_replica_whose_clock_is_behind_changes_nothing(database_url: str) -> None:
    async with serving(database_url, small_model()) as ahead, serving(database_url, clock=Clock(days_ago(1))) as behind:
        await ahead.ingest(event("u1"))
        await behind.ingest(event("u1", "e1@x", traits={"email": "e1@x"}))
        assert (await ahead.lead("u1")).lead.facts.event_count == 2
        assert (await ahead.lead("u1")).standing.stage == "sql"
