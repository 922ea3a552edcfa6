"""The progress of a rollout: its state, rate and expected end."""

from datetime import timedelta

import pytest

from app.errors import NotFound
from app.services.rollouts import list_rollouts
from tests.services.harness import NOW, Service, event
from tests.services.published import BEGINNERS, PRICING, ask_for_demos, die_after_a_chunk, progress, stop_after_a_chunk


async def test_a_rollout_waits_until_a_process_claims_it(service: Service) -> None:
    await ask_for_demos(service, 4)
    await service.publish(BEGINNERS)
    found = await progress(service)
    assert (found.state, found.done, found.rollout.leads) == ("waiting", 0, 4)
    assert (found.leads_per_second, found.expected_end, found.rollout.started_at) == (None, None, None)


async def test_a_running_rollout_reports_its_rate_and_expected_end(service: Service) -> None:
    await ask_for_demos(service, 6)
    await service.publish(BEGINNERS)
    await die_after_a_chunk(service, 2)
    service.clock.now = NOW + timedelta(seconds=4)
    found = await progress(service)
    assert (found.state, found.done, found.leads_per_second) == ("running", 2, 0.5)
    assert found.expected_end == NOW + timedelta(seconds=4 + 8)


async def test_a_finished_rollout_still_reports_its_rate_and_end(service: Service) -> None:
    await ask_for_demos(service, 6)
    await service.publish(BEGINNERS)
    await stop_after_a_chunk(service, 3)
    service.clock.now = NOW + timedelta(seconds=3)
    await service.roll_out()
    service.clock.now = NOW + timedelta(days=3)
    found = await progress(service)
    assert (found.state, found.done, found.leads_per_second, found.expected_end) == ("done", 6, 2, None)
    assert found.rollout.finished_at == NOW + timedelta(seconds=3)


async def test_leads_updated_by_ingestion_count_as_done(service: Service) -> None:
    await ask_for_demos(service, 4)
    await service.publish(BEGINNERS)
    await service.ingest(event("u1", name="Unheard Of"), event("u9"))
    assert (await progress(service)).done == 1


async def test_a_rollout_without_leads_is_done_immediately(service: Service) -> None:
    await service.publish(BEGINNERS)
    found = await progress(service)
    assert (found.state, found.done, found.rollout.leads) == ("done", 0, 0)
    assert (found.leads_per_second, found.rollout.finished_at) == (None, NOW)


async def test_an_unfinished_rollout_is_superseded_by_the_next(service: Service) -> None:
    await ask_for_demos(service, 4)
    await service.publish(BEGINNERS)
    await stop_after_a_chunk(service, 2)
    await service.publish(PRICING)
    first, second = await progress(service, 2), await progress(service, 3)
    assert (first.state, first.done, first.leads_per_second, first.expected_end) == ("superseded", None, None, None)
    assert (second.state, second.done, second.rollout.leads) == ("waiting", 0, 4)


async def test_a_finished_rollout_is_not_superseded(service: Service) -> None:
    await ask_for_demos(service, 1)
    await service.publish(BEGINNERS)
    await service.roll_out()
    await service.publish(PRICING)
    assert (await progress(service, 2)).state == "done"


async def test_rollouts_are_listed_latest_first(service: Service) -> None:
    await ask_for_demos(service, 1)
    for model in (BEGINNERS, PRICING):
        await service.publish(model)
    found = await list_rollouts(service.database, NOW)
    assert [(each.rollout.id, each.rollout.version, each.state) for each in found] == [
        (3, 3, "waiting"),
        (2, 2, "superseded"),
        (1, 1, "done"),
    ]


async def test_an_unknown_rollout_is_not_found(service: Service) -> None:
    with pytest.raises(NotFound, match=r"no rollout 9\. /v1/rollouts lists"):
        await progress(service, 9)
