"""Leads that can't be evaluated hold up neither the sweeper nor a rollout, nor other messages."""

from collections.abc import Set as AbstractSet
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from structlog.testing import capture_logs

from app.errors import Unavailable
from app.metrics import Metrics
from app.services.failures import MAX_IN_A_ROW, ChunkFailed, Chunks, SetAside, naming_leads
from app.services.rollouts import roll_out
from app.services.sweep import postpone, sweep_due
from app.storage.db import Conflict
from app.storage.leads import UnreadableLead
from app.storage.tables import leads
from tests.services.damage import damage
from tests.services.harness import NOW, Service, event
from tests.services.published import BEGINNERS, PRICING, ask_for_demos, progress
from tests.services.rebuild import event_log

TOMORROW = NOW + timedelta(days=1)


async def lead_ids(service: Service) -> list[UUID]:
    async with service.database.read() as connection:
        return list((await connection.execute(select(leads.c.id).order_by(leads.c.id))).scalars())


async def versions(service: Service) -> list[int]:
    async with service.database.read() as connection:
        return list((await connection.execute(select(leads.c.model_version).order_by(leads.c.id))).scalars())


def work_through(count: int, failing: AbstractSet[int], limit: int) -> tuple[list[int], list[int]]:
    """Which of `count` leads are evaluated, and which are found to fail."""
    chunks, done, found, left = Chunks(limit), list[int](), list[int](), list(range(count))
    while left:
        taken = left[: chunks.size]
        if failing.isdisjoint(taken):
            chunks.succeeded()
            done += taken
            left = left[len(taken) :]
        elif chunks.failed(ChunkFailed([UUID(int=each + 1) for each in taken])):
            found += taken
            left.remove(taken[0])
    return done, found


@given(st.integers(1, 60), st.sets(st.integers(0, 59), max_size=MAX_IN_A_ROW), st.integers(1, 30))
def test_exactly_the_leads_that_fail_are_found(count: int, failing: set[int], limit: int) -> None:
    everybody = set(range(count))
    done, found = work_through(count, failing, limit)
    assert (set(done), set(found)) == (everybody - failing, everybody & failing)


def test_the_work_fails_if_too_many_leads_fail_in_a_row() -> None:
    with pytest.raises(ChunkFailed):
        work_through(100, set(range(100)), 8)


@pytest.mark.parametrize("error", [Unavailable("Come back later."), Conflict()])
def test_outages_and_conflicts_are_not_attributed_to_leads(error: Exception) -> None:
    def fail() -> None:
        with naming_leads() as named:
            named.append(uuid4())
            raise error

    with pytest.raises(type(error)):
        fail()


def test_an_error_before_any_lead_was_taken_is_not_attributed_to_leads() -> None:
    with pytest.raises(ZeroDivisionError), naming_leads():
        raise ZeroDivisionError


async def test_a_damaged_lead_is_named_if_it_is_alone_in_its_chunk(service: Service) -> None:
    await ask_for_demos(service, 1)
    await damage(service.database, *await lead_ids(service))
    with pytest.raises(ChunkFailed) as failed:
        await sweep_due(service.database, service.models, TOMORROW, 10)
    assert failed.value.lead_ids == await lead_ids(service)
    assert isinstance(failed.value.__cause__, UnreadableLead)


async def test_a_postponed_lead_is_due_the_next_day(service: Service) -> None:
    await ask_for_demos(service, 1)
    await damage(service.database, *await lead_ids(service))
    await postpone(service.database, (await lead_ids(service))[0], TOMORROW)
    assert await sweep_due(service.database, service.models, TOMORROW, 10) == (0, ())
    with pytest.raises(ChunkFailed):
        await sweep_due(service.database, service.models, TOMORROW + timedelta(days=1), 10)


async def test_a_rollout_reaches_everybody_but_the_damaged_and_is_done(service: Service) -> None:
    await ask_for_demos(service, 7)
    first, _, third, *_ = await lead_ids(service)
    await damage(service.database, first, third)
    await service.publish(BEGINNERS)
    with capture_logs() as lines:
        assert await service.roll_out(4)
    assert await versions(service) == [1, 2, 1, 2, 2, 2, 2]
    assert (await progress(service)).state == "done"
    assert [line["lead"] for line in lines if line["event"] == "lead can't be evaluated"] == [str(first), str(third)]


async def test_a_rollout_goes_on_without_whom_a_lost_version_evaluated(service: Service) -> None:
    await ask_for_demos(service, 4)
    await damage(service.database, (await lead_ids(service))[1], columns={"model_version": 99})
    await service.publish(BEGINNERS)
    assert await service.roll_out(4)
    assert await versions(service) == [2, 99, 2, 2]


async def test_a_lead_that_was_set_aside_is_not_tried_again_for_the_same_version(service: Service) -> None:
    await ask_for_demos(service, 2)
    await damage(service.database, (await lead_ids(service))[0])
    await service.publish(BEGINNERS)
    set_aside = SetAside(Metrics())

    async def run() -> None:
        arguments = (service.database, service.models, service.id, service.clock, 4, lambda *_: True)
        assert await roll_out(*arguments, set_aside=set_aside)

    await run()
    with capture_logs() as lines:
        await run()
    assert lines == []
    await service.publish(PRICING)
    with capture_logs() as lines:
        await run()
    assert [line["event"] for line in lines] == ["lead can't be evaluated"]


async def test_a_damaged_lead_costs_only_its_own_messages_of_a_batch(service: Service) -> None:
    await ask_for_demos(service, 5)
    await damage(service.database, (await lead_ids(service))[2])
    batch = [event(f"u{person}") for person in range(5)]
    for _ in range(2):  # the second time, as a client does after an error
        with pytest.raises(UnreadableLead):
            await service.ingest(*batch)
    assert len(await event_log(service.database)) == 5 + 4
