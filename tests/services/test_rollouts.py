"""Rollouts: a published model reaches every lead once, whichever process does the work and despite interruptions."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from app.scoring.document import ScoringModel
from app.scoring.engine import compile_model
from app.scoring.events import Event
from app.services import rollouts
from app.services.publishing import publish
from app.services.rollouts import CLAIM
from app.storage import leads as lead_store
from app.storage.tables import leads
from tests.services.harness import (
    EXAMPLES,
    NOW,
    Service,
    World,
    alias,
    changes,
    days_ago,
    event,
    serving,
    small_model,
)
from tests.services.histories import contested, split
from tests.services.published import BEGINNERS, PRICING, ask_for_demos, die_after_a_chunk, progress, stop_after_a_chunk
from tests.services.rebuild import broken_chains, event_log, rebuilt, stored


async def versions(service: Service) -> list[int]:
    """The version that last evaluated each lead, in order of lead ids."""
    async with service.database.read() as connection:
        query = select(leads.c.model_version).where(leads.c.merged_into.is_(None)).order_by(leads.c.id)
        return list((await connection.execute(query)).scalars())


async def assert_rebuilt(service: Service, model: ScoringModel, version: int) -> None:
    """The stored state is, byte for byte, what this model computes from the log."""
    compiled = compile_model(model, version)
    log = await event_log(service.database)
    assert await stored(service.database) == rebuilt(log, lambda _: (compiled, service.clock.now))
    assert await broken_chains(service.database, "interest") == []


# --- Chunks -----------------------------------------------------------------------------------------------------


async def test_a_rollout_reaches_the_leads_chunk_by_chunk(service: Service) -> None:
    await ask_for_demos(service, 5)
    await service.publish(BEGINNERS)
    heard: list[tuple[int, int]] = []

    def on_chunk(count: int, moves: Sequence[tuple[str, str]]) -> bool:
        heard.append((count, len(moves)))
        return True

    assert await service.roll_out(2, on_chunk)
    assert heard == [(2, 2), (2, 2), (1, 1), (0, 0)]
    assert await versions(service) == [2] * 5


async def test_a_chunk_has_fewer_leads_where_they_have_many_events(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person, events in enumerate((3, 2, 1, 1)):
        await service.ingest(*(event(f"u{person}") for _ in range(events)))
    await service.publish(BEGINNERS)
    monkeypatch.setattr(rollouts, "CHUNK_EVENTS", 3)
    heard: list[int] = []

    def on_chunk(count: int, _stage_changes: object) -> bool:
        heard.append(count)
        return True

    assert await service.roll_out(10, on_chunk)
    assert heard == [1, 2, 1, 0]
    monkeypatch.setattr(rollouts, "CHUNK_EVENTS", 0)
    await service.publish(small_model())
    heard.clear()
    assert await service.roll_out(10, on_chunk)
    assert heard == [1, 1, 1, 1, 0]  # at least one


async def test_each_chunk_is_committed_separately_in_order_of_ids(service: Service) -> None:
    await ask_for_demos(service, 5)
    await service.publish(BEGINNERS)
    await stop_after_a_chunk(service, 2)
    assert await versions(service) == [2, 2, 1, 1, 1]


async def test_merged_leads_are_skipped(service: Service) -> None:
    await service.ingest(event("a1"), event("u1"))
    await service.ingest(event("u1", "a1"))
    await service.publish(BEGINNERS)
    assert (await progress(service)).rollout.leads == 1
    await service.roll_out()
    assert await changes(service, "model") == [("sql", "interest", "model", 2, False)]


async def test_a_finished_rollout_is_not_run_again(service: Service) -> None:
    await ask_for_demos(service, 3)
    await service.publish(BEGINNERS)
    await service.roll_out()
    assert await service.roll_out(10, lambda *_: pytest.fail("there was nothing left to do"))
    assert await changes(service, "model") == [("sql", "interest", "model", 2, False)] * 3


async def test_a_lead_unchanged_by_the_model_is_not_marked_as_updated(service: Service) -> None:
    await ask_for_demos(service, 1)
    service.clock.now = NOW + timedelta(hours=1)
    await service.publish(small_model(name="the same by another name"))
    await service.roll_out()
    assert (await service.lead("u0")).lead.updated_at == NOW
    assert await versions(service) == [2]


async def test_publishing_a_retired_version_again_starts_its_own_rollout(service: Service) -> None:
    await ask_for_demos(service, 2)
    await service.publish(BEGINNERS)
    await service.roll_out()
    again = await publish(service.database, 1, service.clock, notify=True)
    assert (again.id, again.version, again.leads) == (3, 1, 2)
    await service.roll_out()
    assert await changes(service, "model") == [
        *[("sql", "interest", "model", 2, False)] * 2,
        *[("interest", "sql", "model", 1, True)] * 2,
    ]


# --- Claims -----------------------------------------------------------------------------------------------------


async def test_concurrent_replicas_evaluate_each_lead_once(database_url: str) -> None:
    async with serving(database_url, small_model()) as one, serving(database_url) as other:
        await ask_for_demos(one, 30)
        await one.publish(BEGINNERS)
        visited: list[int] = []

        def on_chunk(count: int, _stage_changes: object) -> bool:
            visited.append(count)
            return True

        await asyncio.gather(*(each.roll_out(4, on_chunk) for each in (one, other)))
        assert sum(visited) == 30
        assert await changes(one, "model") == [("sql", "interest", "model", 2, False)] * 30


async def test_a_claimed_rollout_is_left_to_its_owner(database_url: str) -> None:
    async with serving(database_url, small_model()) as one, serving(database_url) as other:
        await ask_for_demos(one, 4)
        await one.publish(BEGINNERS)
        await die_after_a_chunk(one, 1)
        other.clock.now = NOW + CLAIM - timedelta(microseconds=1)
        assert not await other.roll_out(1)
        assert await versions(one) == [2, 1, 1, 1]


async def test_an_expired_claim_is_taken_over(database_url: str) -> None:
    async with serving(database_url, small_model()) as one, serving(database_url) as other:
        await ask_for_demos(one, 4)
        await one.publish(BEGINNERS)
        await die_after_a_chunk(one, 1)
        other.clock.now = NOW + CLAIM
        assert (await progress(other)).state == "waiting"
        assert await other.roll_out(1)
        assert len(await changes(one, "model")) == 4


async def test_a_claim_from_a_clock_far_ahead_is_ignored(database_url: str) -> None:
    async with serving(database_url, small_model()) as one, serving(database_url) as other:
        await ask_for_demos(one, 4)
        await one.publish(BEGINNERS)
        one.clock.now = NOW + CLAIM
        await die_after_a_chunk(one, 1)
        assert not await other.roll_out(1)  # slightly ahead, as clocks are
        one.clock.now = NOW + CLAIM + timedelta(microseconds=1)
        await die_after_a_chunk(one, 1)
        assert await other.roll_out(1)
        assert len(await changes(one, "model")) == 4


async def test_a_process_that_lost_its_claim_stops_changing_leads(database_url: str) -> None:
    async with serving(database_url, small_model()) as one, serving(database_url) as other:
        await ask_for_demos(one, 4)
        await one.publish(BEGINNERS)
        await die_after_a_chunk(one, 1)
        other.clock.now = NOW + CLAIM + timedelta(seconds=1)
        await die_after_a_chunk(other, 1)
        one.clock.now = other.clock.now
        assert not await one.roll_out(1)
        assert await versions(one) == [2, 2, 1, 1]


async def test_each_chunk_renews_the_claim(service: Service) -> None:
    await ask_for_demos(service, 4)
    await service.publish(BEGINNERS)
    await die_after_a_chunk(service, 1)
    service.clock.now = NOW + CLAIM - timedelta(seconds=1)
    await die_after_a_chunk(service, 1)
    found = await progress(service)
    assert (found.rollout.claimed_until, found.rollout.started_at) == (service.clock.now + CLAIM, NOW)


async def test_a_stop_releases_the_claim(database_url: str) -> None:
    async with serving(database_url, small_model()) as one, serving(database_url) as other:
        await ask_for_demos(one, 4)
        await one.publish(BEGINNERS)
        await stop_after_a_chunk(one, 1)
        assert (await progress(one)).state == "waiting"
        assert await other.roll_out(1)
        assert len(await changes(one, "model")) == 4


# --- Stragglers -------------------------------------------------------------------------------------------------


async def test_a_lead_saved_by_an_older_version_after_the_end_is_picked_up(service: Service) -> None:
    """As by a slow transaction that read the active model just before the publication."""
    await ask_for_demos(service, 3)
    before = await stored(service.database)
    await service.publish(BEGINNERS)
    await service.roll_out()
    late = {"model_version": 1, "stage": "sql", "stage_since": NOW}
    async with service.database.write() as connection:
        lead_id = (await service.lead("u1")).lead.id
        await connection.execute(update(leads).where(leads.c.id == lead_id).values(late))
    assert (await stored(service.database))[("user_id:u1",)] == before[("user_id:u1",)]
    assert await service.roll_out()
    assert await versions(service) == [2] * 3
    assert len(await changes(service, "model")) == 4


async def test_a_straggler_does_not_change_the_recorded_end(service: Service) -> None:
    await ask_for_demos(service, 1)
    await service.publish(BEGINNERS)
    await service.roll_out()
    async with service.database.write() as connection:
        await connection.execute(update(leads).values(model_version=1))
    service.clock.now = NOW + timedelta(hours=1)
    await service.roll_out()
    found = await progress(service)
    assert (found.state, found.rollout.finished_at) == ("done", NOW)


async def test_a_lead_set_back_behind_the_rollout_is_still_picked_up(service: Service) -> None:
    await ask_for_demos(service, 4)
    await service.publish(BEGINNERS)
    first = (await service.lead("u0")).lead.id
    heard: list[int] = []
    task: asyncio.Task[None] | None = None

    async def fall_back() -> None:
        async with service.database.write() as connection:
            await connection.execute(update(leads).where(leads.c.id == first).values(model_version=1))

    def on_chunk(count: int, _stage_changes: object) -> bool:
        nonlocal task
        heard.append(count)
        if len(heard) == 1:
            task = asyncio.create_task(fall_back())
        return True

    assert await service.roll_out(2, on_chunk)
    assert task is not None
    await task
    assert await service.roll_out(2, on_chunk)
    assert sum(heard) == 5
    assert await versions(service) == [2] * 4


# --- Midway -----------------------------------------------------------------------------------------------


async def test_a_rollout_superseded_midway_yields_to_the_next(service: Service) -> None:
    await ask_for_demos(service, 5)
    await service.publish(BEGINNERS)
    await stop_after_a_chunk(service, 2)
    await service.publish(PRICING)
    assert await service.roll_out(2)
    moved = [*[("sql", "interest", "model", 2, False)] * 2, *[("interest", "sql", "model", 3, False)] * 2]
    assert await changes(service, "model") == moved
    await assert_rebuilt(service, PRICING, 3)


async def test_a_process_switches_to_a_model_published_meanwhile(service: Service) -> None:
    await ask_for_demos(service, 6)
    await service.publish(BEGINNERS)
    publishing: list[asyncio.Task[Any]] = []

    def on_chunk(_count: int, _stage_changes: object) -> bool:
        if not publishing:
            publishing.append(asyncio.create_task(service.publish(PRICING)))
        return True

    assert await service.roll_out(1, on_chunk)
    await asyncio.gather(*publishing)
    assert await service.roll_out(1)
    await assert_rebuilt(service, PRICING, 3)
    assert (await progress(service, 3)).state == "done"


async def test_a_commit_does_not_undo_a_model_rolled_out_while_it_ran(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(postgres_url, small_model()) as one, serving(postgres_url) as other:
        await ask_for_demos(one, 1)
        lock = lead_store.lock_owners

        async def lock_after_the_other(*arguments: Any) -> Any:
            await other.publish(BEGINNERS)
            assert await other.roll_out()
            return await lock(*arguments)

        monkeypatch.setattr(lead_store, "lock_owners", lock_after_the_other)
        await one.ingest(event("u0", name="Feature Used"))
        await assert_rebuilt(one, BEGINNERS, 2)


async def test_ingestion_during_a_rollout_leaves_a_rebuildable_state(database_url: str) -> None:
    people = [str(number) for number in range(12)]

    def messages(wave: int) -> list[list[Event]]:
        visits = [[event(f"a{each}", name="Page Viewed", at=days_ago(wave))] for each in people]
        uses = [[event(f"u{each}", name="Feature Used", at=days_ago(wave)), event(f"u{each}")] for each in people[::2]]
        links = [[event(f"u{each}", f"a{each}")] for each in people[wave::4]]
        return visits + uses + links

    async with serving(database_url, small_model()) as one, serving(database_url) as other:
        await one.ingest(*(each for batch in messages(0) for each in batch))
        for version, model in enumerate((PRICING, small_model(), PRICING), start=2):
            await one.publish(model)
            waves = [replica.ingest(*batch) for batch in messages(version) for replica in (one, other)]
            joined = [other.ingest(alias(f"u{version}", f"u{version + 2}"))]
            await asyncio.gather(*waves, *joined, one.roll_out(3), other.roll_out(3))
            await asyncio.gather(one.roll_out(3), other.roll_out(3))
            await assert_rebuilt(one, model, version)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), history=contested())
def test_a_rollout_leaves_a_rebuildable_state(world: World, data: st.DataObject, history: list[Event]) -> None:
    """Whatever is ingested before, during and after it."""
    batches = data.draw(split(history), label="batches")
    published = data.draw(st.integers(0, len(batches)), label="published")
    world.reset()
    world.ingest(*batches[:published])
    world.run(world.service.publish(PRICING))

    async def ingest_and_roll_out() -> None:
        rest = [world.service.ingest(*batch) for batch in batches[published:]]
        await asyncio.gather(*rest, world.service.roll_out(1))
        assert await world.service.roll_out(1)
        await assert_rebuilt(world.service, PRICING, 2)

    world.run(ingest_and_roll_out())
