"""Evaluation: each stage change has its own cause, and a new model's change is settled before that of new events."""

from datetime import timedelta

import pytest

from app.scoring.events import Event
from app.services.sweep import sweep_due
from tests.services.harness import NOW, Service, changes, days_ago, event, serving, small_model, with_keep

BEGINNERS = small_model(stages=[{"name": "interest"}])
"""A model with only the first stage: every other lead falls back to it."""

CUSTOMERS = small_model(stages=[{"name": "interest"}, {"name": "customer", "when": {"signal": "bought"}}])
"""A model in which only an order counts."""


async def ask_for_a_demo(service: Service) -> None:
    await service.ingest(event("u0"))


def order(key: str) -> Event:
    return event(key, name="Order Completed", trusted=True)


@pytest.mark.parametrize("notify", [False, True])
async def test_changes_by_a_model_notify_only_if_it_was_published_with_notify(service: Service, notify: bool) -> None:
    await ask_for_a_demo(service)
    await service.publish(BEGINNERS, notify=notify)
    await service.roll_out()
    assert await changes(service, "model") == [("sql", "interest", "model", 2, notify)]


@pytest.mark.parametrize("notify", [False, True])
async def test_an_event_before_the_rollout_records_the_models_change_then_its_own(
    service: Service, notify: bool
) -> None:
    await ask_for_a_demo(service)
    await service.publish(CUSTOMERS, notify=notify)
    await service.ingest(order("u0"))
    assert await changes(service, "model", "event") == [
        ("interest", "sql", "event", 1, True),
        ("sql", "interest", "model", 2, notify),
        ("interest", "customer", "event", 2, True),
    ]


async def test_each_of_the_two_changes_records_the_scores_behind_it(service: Service) -> None:
    await ask_for_a_demo(service)
    dear = {"engagement": {"rules": {"used": {"signal": "used", "points": 5}, "demo": {"signal": "demo", "points": 3}}}}
    rungs = [{"name": "interest"}, {"name": "warm", "when": {"score": "engagement", "gte": 8}}]
    await service.publish(small_model(scores=dear, stages=rungs))
    await service.ingest(event("u0", name="Feature Used"))
    found = (await service.leads.transitions((await service.lead("u0")).lead.id, None, 2)).items
    assert [dict(each.transition.scores) for each in found] == [{"engagement": 8}, {"engagement": 3}]


async def test_an_event_that_changes_no_stage_records_only_the_models_change(service: Service) -> None:
    await ask_for_a_demo(service)
    await service.publish(BEGINNERS)
    await service.ingest(event("u0"))
    assert await changes(service, "model", "event") == [
        ("interest", "sql", "event", 1, True),
        ("sql", "interest", "model", 2, False),
    ]


async def test_a_new_lead_has_no_change_caused_by_the_model(service: Service) -> None:
    await service.publish(BEGINNERS)
    await service.publish(CUSTOMERS)
    await service.ingest(order("u0"))
    assert await changes(service, "model", "event") == [("interest", "customer", "event", 3, True)]


async def test_a_merge_before_the_rollout_records_the_models_change_then_its_own(service: Service) -> None:
    await service.ingest(event("u1"), order("a1"))
    await service.publish(CUSTOMERS)
    await service.ingest(event("u1", "a1", name="Unheard Of"))
    assert await changes(service, "model", "merge") == [
        ("sql", "interest", "model", 2, False),
        ("interest", "customer", "merge", 2, True),
    ]


async def test_a_sweep_before_the_rollout_records_the_models_change(service: Service) -> None:
    await ask_for_a_demo(service)
    await service.publish(BEGINNERS)
    await sweep_due(service.database, service.models, NOW + timedelta(days=1), 10)
    assert await changes(service, "model", "time") == [("sql", "interest", "model", 2, False)]


async def test_a_change_by_time_after_the_models_change_has_time_as_its_cause(service: Service) -> None:
    await ask_for_a_demo(service)
    lower = [{"name": "interest"}, {"name": "warm", "when": {"score": "engagement", "gte": 20}}]
    await service.publish(small_model(stages=lower))
    for days in (1, 30):
        await sweep_due(service.database, service.models, NOW + timedelta(days=days), 10)
    assert await changes(service, "model", "time") == [
        ("sql", "warm", "model", 2, False),
        ("warm", "interest", "time", 2, True),
    ]


async def test_a_kept_stage_survives_a_new_model(database_url: str) -> None:
    async with serving(database_url, with_keep()) as service:
        await service.ingest(*(event("u0", name="Feature Used", at=days_ago(0)) for _ in range(6)))
        service.clock.now = NOW + timedelta(days=5)  # 12 points: enough to stay an mql, not to become one
        await service.publish(with_keep().model_copy(update={"name": "the same"}))
        await service.roll_out()
        assert await changes(service, "model") == []
        assert (await service.lead("u0")).standing.stage == "mql"
