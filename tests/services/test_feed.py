"""The feed: every change once, in an order that no later commit can change, and in each lead's own."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from app.errors import Gone
from app.scoring.engine import ledger
from app.services.feed import Feed, Filter
from app.services.sweep import sweep_due
from app.storage import changes as change_store
from app.storage.changes import Change
from tests.services.feeds import ALL, are_equal, read_all, replayed
from tests.services.harness import NOW, Service, days_ago, event, serving, small_model, with_signal

CHANGES_OF_A_NEW_LEAD = ["lead.created", "lead.score_changed", "lead.stage_changed"]


async def new_changes(service: Service, after: int) -> list[tuple[str, Any]]:
    return [(change.type, change.data) for _, change in await read_all(service.feed, after=after)]


async def end_of(feed: Feed) -> int:
    return (await feed.bounds()).last


# --- What is in it ----------------------------------------------------------------------------------------------


async def test_a_new_lead_is_created_before_it_changes_stage(service: Service) -> None:
    start = await end_of(service.feed)
    await service.ingest(event("u1"))
    found = await new_changes(service, start)
    assert [kind for kind, _ in found] == CHANGES_OF_A_NEW_LEAD
    stage = dict(found)["lead.stage_changed"]
    lead = (await service.lead("u1")).lead
    assert (stage["to"], stage["scores"], stage["cause"]) == (lead.standing.stage, lead.scores, "event")


async def test_a_change_of_stage_gives_the_reasons_and_the_messages(service: Service) -> None:
    start = await end_of(service.feed)
    message = event("u1")
    await service.ingest(message)
    stage = dict(await new_changes(service, start))["lead.stage_changed"]
    evaluation = (await service.lead("u1")).evaluation
    lines = {(name, line.rule, line.points) for name in evaluation.values for line in ledger(evaluation, name)}
    assert stage["message_ids"] == [message.message_id]
    assert {(each["score"], each["rule"], each["points"]) for each in stage["reasons"]} == lines


async def test_a_lead_knows_when_the_feed_last_had_a_change_of_it(service: Service) -> None:
    await service.ingest(event("u1"))
    service.clock.now = NOW + timedelta(minutes=1)
    await service.ingest(event("u1", name="Unheard Of"))
    lead = (await service.lead("u1")).lead
    assert (lead.changed_at, lead.updated_at) == (NOW, service.clock.now)


async def test_scores_and_traits_are_reported_only_if_they_changed(service: Service) -> None:
    await service.ingest(event("u1", traits={"title": "CTO"}))
    start = await end_of(service.feed)
    await service.ingest(event("u1", name="Unheard Of", traits={"title": "CTO"}))
    assert await new_changes(service, start) == []
    await service.ingest(
        event("u1", name="Unheard Of", traits={"title": "CEO", "team": 3}, at=NOW + timedelta(hours=1))
    )
    assert await new_changes(service, start) == [("lead.traits_changed", {"names": ["team", "title"]})]
    start = await end_of(service.feed)
    before = (await service.lead("u1")).lead.scores
    await service.ingest(event("u1", name="Feature Used"))
    [(kind, data), *_] = await new_changes(service, start)
    assert (kind, data["before"], data["scores"]) == (
        "lead.score_changed",
        before,
        (await service.lead("u1")).lead.scores,
    )


async def test_a_merge_names_both_leads(service: Service) -> None:
    await service.ingest(event("a1"))
    await service.ingest(event("u1"))
    visitor, user = (await service.lead("a1")).lead.id, (await service.lead("u1")).lead.id
    start = await end_of(service.feed)
    await service.ingest(event("u1", "a1"))
    into = (await service.lead("u1")).lead.id
    [merged] = [data for kind, data in await new_changes(service, start) if kind == "lead.merged"]
    assert merged == {"from": str(({visitor, user} - {into}).pop()), "into": str(into)}


async def test_a_published_model_precedes_what_it_changes(service: Service) -> None:
    await service.ingest(event("u1"))
    start = await end_of(service.feed)
    version = await service.publish(with_signal("demo", {"on": ["Unheard Of"]}))
    await service.roll_out()
    (kind, published), *moves = await new_changes(service, start)
    assert (kind, published["version"], published["notify"]) == ("model.published", version, False)
    [stage] = [data for kind, data in moves if kind == "lead.stage_changed"]
    assert (stage["cause"], stage["model_version"], stage["notify"]) == ("model", version, False)


async def test_time_changes_scores_and_stages_too(service: Service) -> None:
    await service.ingest(event("u1"))
    start = await end_of(service.feed)
    service.clock.now = NOW + timedelta(days=400)
    await sweep_due(service.database, service.models, service.clock.now, 10)
    found = await new_changes(service, start)
    assert {data["cause"] for _, data in found} == {"time"}
    assert "lead.stage_changed" in dict(found)


async def test_a_transaction_that_fails_leaves_no_change(service: Service) -> None:
    start = await end_of(service.feed)
    with pytest.raises(ZeroDivisionError):
        await insert_and_fail(service)
    assert await new_changes(service, start) == []


async def insert_and_fail(service: Service) -> None:
    async with service.database.write() as connection:
        await change_store.insert(connection, [made("lost")], NOW)
        raise ZeroDivisionError


# --- Reading ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
async def test_pages_have_every_change_once(service: Service, limit: int) -> None:
    for number in range(6):
        await service.ingest(*[event(f"u{number}"), event(f"u{number + 1}")])
    found = await read_all(service.feed, limit=limit)
    assert [position for position, _ in found] == list(range(1, len(found) + 1))
    assert len({change.id for _, change in found}) == len(found)
    moves = Filter(["lead.stage_changed"], ["sql"])
    wanted = [each for each in found if each[1].type == "lead.stage_changed" and each[1].data["to"] == "sql"]
    assert wanted
    assert (
        await read_all(service.feed, moves, limit)
        == await read_all(service.feed, Filter(stages=["sql"]), limit)
        == wanted
    )


async def test_a_filter_that_skips_much_still_advances(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.feed.MAX_EXAMINED", 1)
    monkeypatch.setattr(change_store, "COMMITS_AT_ONCE", 1)
    for number in range(3):
        await service.ingest(event(f"u{number}"))
    page = await service.feed.read(0, Filter(["lead.merged"]), 10)
    assert page.changes == []
    assert 0 < page.position < await end_of(service.feed)
    assert await read_all(service.feed, Filter(["lead.merged"]), after=0) == []


async def test_old_changes_are_pruned_and_their_positions_are_never_used_again(service: Service) -> None:
    await service.ingest(event("u1"))
    end = await end_of(service.feed)
    assert await service.feed.prune(NOW + timedelta(days=29), 30) == 0
    assert await service.feed.prune(NOW + timedelta(days=31), 30) == 2
    assert await read_all(service.feed) == []
    with pytest.raises(Gone, match=f"start over after position {end}"):
        await service.feed.read(end - 1, ALL, 10)
    await service.ingest(event("u2"))
    assert (await service.feed.read(end, ALL, 1)).position == end + 1


async def test_a_position_beyond_the_end_is_gone(service: Service) -> None:
    with pytest.raises(Gone, match="restored from a backup"):
        await service.feed.read(1_000, ALL, 10)


# --- Waiting ----------------------------------------------------------------------------------------------------


async def test_a_reader_waits_for_a_commit_of_another_replica(service: Service, database_url: str) -> None:
    start = await end_of(service.feed)
    async with serving(database_url) as other:
        readers = [asyncio.create_task(service.feed.follow(start, ALL, 10, 20)) for _ in range(3)]
        await asyncio.sleep(0)
        await other.ingest(event("u1"))
        pages = await asyncio.gather(*readers)
    assert pages[0] == pages[1] == pages[2]
    assert [change.type for _, change in pages[0].changes] == CHANGES_OF_A_NEW_LEAD


async def test_a_reader_waits_no_longer_than_it_wants(service: Service) -> None:
    start = await end_of(service.feed)
    assert await service.feed.follow(start, ALL, 10, 0.01) == ([], start)


async def test_nobody_looks_at_the_database_once_nobody_waits(service: Service) -> None:
    start = await end_of(service.feed)
    await service.feed.follow(start, ALL, 10, 0.01)
    watching = [task for task in asyncio.all_tasks() if task.get_name() == "feed"]
    await asyncio.wait_for(asyncio.gather(*watching), 5)


async def test_a_stopped_feed_leaves_the_database_alone(service: Service) -> None:
    start = await end_of(service.feed)
    reader = asyncio.create_task(service.feed.follow(start, ALL, 10, 20))
    await asyncio.sleep(0.05)
    await service.feed.stop()
    assert "feed" not in {task.get_name() for task in asyncio.all_tasks()}
    assert await asyncio.wait_for(reader, 5) == ([], start)


async def test_a_closed_feed_lets_its_readers_go(service: Service) -> None:
    start = await end_of(service.feed)
    reader = asyncio.create_task(service.feed.follow(start, ALL, 10, 20))
    await asyncio.sleep(0)
    service.feed.close()
    assert await asyncio.wait_for(reader, 5) == ([], start)


# --- Order ------------------------------------------------------------------------------------------------------


def made(name: str) -> Change:
    return Change(uuid7(), "lead.traits_changed", NOW, uuid7(), {"names": [name]})


async def test_a_transaction_held_open_delays_nobody_and_is_not_skipped(postgres_url: str) -> None:
    async with serving(postgres_url, small_model()) as service:
        start = await end_of(service.feed)
        async with service.database.write() as connection:
            await change_store.insert(connection, [made("held")], NOW)
            await service.ingest(event("u1"))
            seen = await read_all(service.feed, after=start)
            assert [change.type for _, change in seen] == CHANGES_OF_A_NEW_LEAD
        [(position, change)] = await read_all(service.feed, after=seen[-1][0])
        assert (position, change.data) == (seen[-1][0] + 1, {"names": ["held"]})


async def poll(feed: Feed, limit: int, wait_s: float, done: asyncio.Event) -> list[tuple[int, Change]]:
    """What a reader sees who keeps its cursor, until nothing follows after the writers are done."""
    found: list[tuple[int, Change]] = []
    position = 0
    while True:
        is_last = done.is_set()
        page = await feed.follow(position, ALL, limit, wait_s)
        found += page.changes
        if is_last and page.position == position:
            return found
        position = page.position


async def hold_transactions(service: Service, done: asyncio.Event) -> int:
    """Commit changes that were inserted a while before, so that later ones overtake them. Returns how many."""
    held = 0
    while not done.is_set():
        async with service.database.write() as connection:
            await change_store.insert(connection, [made(str(held))], NOW)
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)  # on SQLite, the other replica would wait for its turn in vain
        held += 1
    return held


async def test_concurrent_readers_see_each_change_once_and_in_each_leads_order(database_url: str) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(database_url, small_model()))
        replicas = [first, await stack.enter_async_context(serving(database_url))]
        written, done = asyncio.Event(), asyncio.Event()

        async def write(task: int) -> None:
            for number in range(10):
                keys = (f"u{(task + number) % 5}", f"a{number % 4}")
                await replicas[task % 2].ingest(event(*keys, name="Feature Used", at=days_ago(number)))

        holding = asyncio.create_task(hold_transactions(first, written))
        readers = [
            asyncio.create_task(poll(replicas[n % 2].feed, limit, n / 10, done)) for n, limit in enumerate((1, 3, 50))
        ]
        await asyncio.gather(*map(write, range(8)))
        written.set()
        held = await holding
        done.set()
        seen = [await reader for reader in readers]
        assert seen[0] == seen[1] == seen[2]
        assert [position for position, _ in seen[0]] == list(range(1, len(seen[0]) + 1))
        assert sum(change.type == "lead.traits_changed" for _, change in seen[0]) == held
        stages, scores = replayed([change for _, change in seen[0]])
        for key in ("u0", "u1", "u2", "u3", "u4"):
            lead = (await first.lead(key)).lead
            assert stages[lead.id] == lead.standing.stage
            assert are_equal(scores[lead.id], lead.scores)


async def test_only_about_as_many_changes_are_read_as_are_wanted_at_once(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole commits, and at least one: fifty commits of a thousand changes would take seconds to parse."""
    monkeypatch.setattr(change_store, "CHANGES_AT_ONCE", 5)
    for size in (2, 3, 1, 9):
        changes = [Change(uuid7(), "model.published", NOW, None, {}) for _ in range(size)]
        async with service.database.write() as connection:
            await change_store.insert(connection, changes, NOW)
    start = (await service.feed.bounds()).last - 15
    found = []
    async with service.database.read() as connection:
        for skipped in (0, 5, 6, 8, 15):
            entries = await change_store.after(connection, start + skipped)
            found.append([position - start for position, _ in entries])
    assert found == [[1, 2, 3, 4, 5], [6], [*range(7, 16)], [*range(9, 16)], []]
