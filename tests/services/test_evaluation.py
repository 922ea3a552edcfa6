"""Evaluating: each change of a stage has its own cause, and what a new model changes is settled before the news."""

from datetime import timedelta

import pytest

from app.scoring.events import Event
from app.services.sweep import sweep_due
from tests.services.harness import NOW, Service, changes, days_ago, event, serving, small_model, with_keep

BEGINNERS = small_model(stages=[{"name": "interest"}])
"""A model that moves everybody who has come further to the first rung."""

CUSTOMERS = small_model(stages=[{"name": "interest"}, {"name": "customer", "when": {"signal": "bought"}}])
"""A model to which nothing counts but an order."""


async def ask_for_a_demo(service: Service) -> None:
    await service.ingest(event("u0"))


def order(key: str) -> Event:
    return event(key, name="Order Completed", trusted=True)


@pytest.mark.parametrize("notify", [False, True])
async def test_what_a_model_changes_is_told_only_if_it_was_published_so(service: Service, notify: bool) -> None:
    await ask_for_a_demo(service)
    await service.publish(BEGINNERS, notify=notify)
    await service.roll_out()
    assert await changes(service, "model") == [("sql", "interest", "model", 2, notify)]


@pytest.mark.parametrize("notify", [False, True])
async def test_an_event_before_the_leads_turn_makes_the_models_change_and_then_its_own(
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


async def test_each_of_the_two_changes_bears_the_scores_that_it_rests_on(service: Service) -> None:
    await ask_for_a_demo(service)
    dear = {"engagement": {"rules": {"used": {"signal": "used", "points": 5}, "demo": {"signal": "demo", "points": 3}}}}
    rungs = [{"name": "interest"}, {"name": "warm", "when": {"score": "engagement", "gte": 8}}]
    await service.publish(small_model(scores=dear, stages=rungs))
    await service.ingest(event("u0", name="Feature Used"))
    found = (await service.leads.transitions((await service.lead("u0")).lead.id, None, 2)).items
    assert [dict(each.transition.scores) for each in found] == [{"engagement": 8}, {"engagement": 3}]


async def test_an_event_that_the_new_model_does_not_move_leaves_the_models_change_alone(service: Service) -> None:
    await ask_for_a_demo(service)
    await service.publish(BEGINNERS)
    await service.ingest(event("u0"))
    assert await changes(service, "model", "event") == [
        ("interest", "sql", "event", 1, True),
        ("sql", "interest", "model", 2, False),
    ]


async def test_a_lead_that_is_new_owes_nothing_to_the_model(service: Service) -> None:
    await service.publish(BEGINNERS)
    await service.publish(CUSTOMERS)
    await service.ingest(order("u0"))
    assert await changes(service, "model", "event") == [("interest", "customer", "event", 3, True)]


async def test_a_merge_before_the_leads_turn_makes_the_models_change_and_then_its_own(service: Service) -> None:
    await service.ingest(event("u1"), order("a1"))
    await service.publish(CUSTOMERS)
    await service.ingest(event("u1", "a1", name="Unheard Of"))
    assert await changes(service, "model", "merge") == [
        ("sql", "interest", "model", 2, False),
        ("interest", "customer", "merge", 2, True),
    ]


async def test_a_sweep_before_the_leads_turn_makes_the_models_change(service: Service) -> None:
    await ask_for_a_demo(service)
    await service.publish(BEGINNERS)
    await sweep_due(service.database, service.models, NOW + timedelta(days=1), 10)
    assert await changes(service, "model", "time") == [("sql", "interest", "model", 2, False)]


async def test_what_time_changes_after_the_models_change_is_the_work_of_time(service: Service) -> None:
    await ask_for_a_demo(service)
    lower = [{"name": "interest"}, {"name": "warm", "when": {"score": "engagement", "gte": 20}}]
    await service.publish(small_model(stages=lower))
    for days in (1, 30):
        await sweep_due(service.database, service.models, NOW + timedelta(days=days), 10)
    assert await changes(service, "model", "time") == [
        ("sql", "warm", "model", 2, False),
        ("warm", "interest", "time", 2, True),
    ]


async def test_a_stage_that_is_kept_is_kept_over_a_new_model(database_url: str) -> None:
    async with serving(database_url, with_keep()) as service:
        await service.ingest(*(event("u0", name="Feature Used", at=days_ago(0)) for _ in range(6)))
        service.clock.now = NOW + timedelta(days=5)  # 12 points: enough to stay an mql, not to become one
        await service.publish(with_keep().model_copy(update={"name": "the same"}))
        await service.roll_out()
        assert await changes(service, "model") == []
        assert (await service.lead("u0")).standing.stage == "mql"
