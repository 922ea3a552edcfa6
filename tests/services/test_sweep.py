"""The sweeper: stored stages change on the exact day on which time changes them."""

import asyncio
from datetime import date, datetime, timedelta

from app.scoring.stages import Forecast, forecast
from app.services.sweep import sweep_due
from app.services.writer import Receipt
from app.storage import leads as lead_store
from app.storage.leads import Lead
from tests.services.harness import NOW, Service, days_ago, event, serving, small_model, with_keep

TODAY = NOW.date()


async def stored_lead(service: Service, key: str) -> Lead:
    """The lead as stored, not as evaluated now."""
    view = await service.lead(key)
    async with service.database.read() as connection:
        lead = await lead_store.get(connection, view.lead.id)
    assert lead is not None
    return lead


async def sweep(service: Service, now: datetime, limit: int = 100) -> tuple[int, tuple[tuple[str, str], ...]]:
    service.clock.now = now
    return await sweep_due(service.database, service.models, now, limit)


async def test_an_updated_lead_is_checked_the_next_day(service: Service) -> None:
    await service.ingest(event("u1"))
    assert (await stored_lead(service, "u1")).next_check_on == TODAY + timedelta(days=1)
    assert await sweep(service, NOW) == (0, ())
    assert (await sweep(service, NOW + timedelta(days=1)))[0] == 1


async def test_the_next_check_is_on_the_day_of_the_forecast(service: Service) -> None:
    await service.ingest(event("u1"))  # sql for 14 days, then mql while the demo is worth its 25 points
    await sweep(service, NOW + timedelta(days=1))
    assert (await stored_lead(service, "u1")).next_check_on == TODAY + timedelta(days=14)


async def test_fading_scores_are_refreshed_after_a_week(service: Service) -> None:
    await service.ingest(event("u1"))
    await sweep(service, NOW + timedelta(days=14))
    assert (await stored_lead(service, "u1")).next_check_on == TODAY + timedelta(
        days=21
    )  # inactivity costs 5 points by then
    await sweep(service, NOW + timedelta(days=21))
    assert (await stored_lead(service, "u1")).scores["engagement"] == 20
    assert (await stored_lead(service, "u1")).next_check_on == TODAY + timedelta(days=30)  # the forecast again


async def test_the_stored_stage_changes_on_the_exact_day(service: Service) -> None:
    await service.ingest(event("u1"))
    moves: dict[date, tuple[tuple[str, str], ...]] = {}
    for days in range(1, 60):
        now = datetime.combine(TODAY + timedelta(days=days), datetime.min.time(), NOW.tzinfo)
        _, moved = await sweep(service, now)
        moves |= {now.date(): moved} if moved else {}
    assert moves == {
        TODAY + timedelta(days=14): (("sql", "mql"),),
        TODAY + timedelta(days=30): (("mql", "interest"),),
    }


async def test_a_sweep_records_time_as_the_cause(service: Service) -> None:
    await service.ingest(event("u1"))
    await sweep(service, NOW + timedelta(days=14))
    lead = await service.lead("u1")
    found = (await service.leads.transitions(lead.lead.id, None, 1)).items
    assert (found[0].transition.cause, found[0].transition.at) == ("time", NOW + timedelta(days=14))
    assert lead.standing.since == NOW + timedelta(days=14)


async def test_a_lead_that_will_not_change_is_checked_again_in_ten_years(service: Service) -> None:
    await service.ingest(event("u1", name="Order Completed", trusted=True))
    tomorrow = NOW + timedelta(days=1)
    await sweep(service, tomorrow)
    assert (await stored_lead(service, "u1")).next_check_on == tomorrow.date() + timedelta(days=3_650)


async def test_a_kept_stage_is_kept_until_its_own_threshold(database_url: str) -> None:
    used = [event("u1", name="Feature Used") for _ in range(6)]  # 24 points that fade over 10 days
    async with serving(database_url, with_keep()) as service:
        await service.ingest(*used)
        await sweep(service, NOW + timedelta(days=5))
        assert (await stored_lead(service, "u1")).standing.stage == "mql"  # 12 points are below 20
        await sweep(service, NOW + timedelta(days=6))
        assert (await stored_lead(service, "u1")).standing.stage == "interest"


async def test_only_due_leads_are_visited_longest_overdue_first(service: Service) -> None:
    for days in range(3):
        service.clock.now = NOW + timedelta(days=days)
        await service.ingest(event(f"u{days}"))
    assert (await sweep(service, NOW + timedelta(days=2), limit=1))[0] == 1
    assert ((await stored_lead(service, "u0")).next_check_on or TODAY) > TODAY + timedelta(days=2)
    assert (await sweep(service, NOW + timedelta(days=2)))[0] == 1
    assert (await stored_lead(service, "u2")).next_check_on == TODAY + timedelta(days=3)


async def test_a_visit_that_changes_nothing_does_not_update_the_lead(service: Service) -> None:
    await service.ingest(event("u1", name="Order Completed", trusted=True))
    await sweep(service, NOW + timedelta(days=1))
    assert (await stored_lead(service, "u1")).updated_at == NOW


async def test_the_forecast_is_stored_until_the_next_event(service: Service) -> None:
    await service.ingest(event("u1"))
    assert not (await stored_lead(service, "u1")).is_forecast
    for days in (1, 13, 14, 21, 31):
        await sweep(service, NOW + timedelta(days=days))
        lead, view = await stored_lead(service, "u1"), await service.lead("u1")
        expected = forecast(view.evaluation, lead.standing.stage)
        assert lead.is_forecast
        assert lead.next_change == view.next_change == expected
    await service.ingest(event("u1", at=service.clock.now))
    assert (await stored_lead(service, "u1")).next_change is None
    assert not (await stored_lead(service, "u1")).is_forecast
    assert (await service.lead("u1")).next_change == Forecast((NOW + timedelta(days=45)).date(), "mql")


async def test_a_forecast_by_another_model_is_not_used(service: Service) -> None:
    await service.ingest(event("u1"))
    await sweep(service, NOW + timedelta(days=1))
    stages = [{"name": "interest"}, {"name": "hot", "when": {"signal": "demo", "within_days": 5}}]
    await service.publish(small_model(stages=stages))
    assert (await service.lead("u1")).next_change == Forecast(TODAY + timedelta(days=5), "interest")


async def test_merged_leads_are_not_visited(service: Service) -> None:
    await service.ingest(event("a1"), event("u1"))
    await service.ingest(event("u1", "a1"))
    assert (await sweep(service, NOW + timedelta(days=1)))[0] == 1


async def test_concurrent_sweepers_change_each_stage_once(database_url: str) -> None:
    later = NOW + timedelta(days=14)
    async with serving(database_url, small_model()) as one, serving(database_url) as other:
        await one.ingest(*(event(f"u{number}") for number in range(30)))
        await asyncio.gather(*(sweep(each, later, limit=20) for each in (one, other) * 3))
        leads = [await one.lead(f"u{number}") for number in range(30)]
        found = [(await one.leads.transitions(each.lead.id, None, 10)).items for each in leads]
        assert [[step.transition.to_stage for step in steps] for steps in found] == [["mql", "sql"]] * 30


async def test_concurrent_sweeping_and_ingestion_lose_nothing(database_url: str) -> None:
    async with serving(database_url, small_model()) as one, serving(database_url) as other:
        keys = [f"u{number}" for number in range(10)]
        await one.ingest(*(event(key, at=days_ago(1)) for key in keys))
        later = NOW + timedelta(days=1)
        ingested = [one.ingest(event(key)) for key in keys * 3]
        answers = await asyncio.gather(*ingested, *(sweep(other, later) for _ in range(5)))
        assert answers[:30] == [Receipt(1, 0, frozenset())] * 30
        assert {(await one.lead(key)).lead.facts.event_count for key in keys} == {4}
