"""Histories for proposals and backtests: whole leads, the first day of the outcome, and what was known when."""

from datetime import timedelta

import pytest

from app.errors import TooManyEvents
from app.insight.histories import History
from app.scoring.document import ScoringModel
from app.scoring.engine import compile_model
from app.services.outcomes import Outcome, read_histories
from tests.services.damage import damage
from tests.services.harness import DOCUMENT, NOW, Service, days_ago, event, small_model, who

MODEL = compile_model(small_model(), version=1)
BOUGHT = Outcome.named("bought", MODEL)


def test_an_outcome_is_a_signal_a_stage_or_an_event() -> None:
    assert BOUGHT.signal == MODEL.document.signals["bought"]
    assert Outcome.named("customer", MODEL) == Outcome("customer", None, "customer")
    webinar = Outcome.named("webinar_attended", MODEL)
    assert webinar.stage is None
    assert webinar.signal is not None
    assert webinar.signal.on == ["webinar_attended"]


async def histories(service: Service, outcome: Outcome = BOUGHT, since_stage: str | None = None) -> list[History]:
    return await read_histories(service.database, service.models, outcome, since_stage)


async def test_a_history_has_all_events_of_a_lead_and_its_first_outcome(service: Service) -> None:
    await service.ingest(event("a1", name="Page Viewed", at=days_ago(9)))
    await service.ingest(event("u1", "a1", at=days_ago(5)))
    await service.ingest(event("u1", name="Order Completed", at=days_ago(2), trusted=True))
    await service.ingest(event("u1", name="Order Completed", at=days_ago(1), trusted=True))
    [found] = await histories(service)
    assert sorted(each.name for each in found.events) == [
        "Demo Requested",
        "Order Completed",
        "Order Completed",
        "Page Viewed",
    ]
    assert found.lead_id == str((await service.lead("u1")).lead.id)
    assert found.outcome_on == days_ago(2).date()
    assert found.start_on == days_ago(9).date()


async def test_an_outcome_that_only_secret_keys_may_send_is_not_believed_from_others(service: Service) -> None:
    await service.ingest(event("u1", name="Order Completed", trusted=False))
    assert [each.outcome_on for each in await histories(service)] == [None]


async def test_entering_a_stage_can_be_the_outcome_or_the_start(service: Service) -> None:
    await service.ingest(event("u1"), event("u2", name="Page Viewed"))
    entered = {each.lead_id: each for each in await histories(service, Outcome.named("sql", MODEL), since_stage="sql")}
    one, two = [str((await service.lead(key)).lead.id) for key in ("u1", "u2")]
    assert (entered[one].outcome_on, entered[one].start_on) == (NOW.date(), NOW.date())
    assert (entered[two].outcome_on, entered[two].start_on) == (None, None)


async def test_a_stage_is_known_of_all_leads_but_the_damaged(service: Service) -> None:
    await service.ingest(event("u1"), event("u2"))
    one, two = [(await service.lead(key)).lead.id for key in ("u1", "u2")]
    await damage(service.database, one, columns={"reached": {"sql": "once"}})
    entered = {each.lead_id: each.outcome_on for each in await histories(service, Outcome.named("sql", MODEL))}
    assert entered == {str(one): None, str(two): NOW.date()}


def with_sql_named(name: str) -> ScoringModel:
    stages = DOCUMENT["stages"]
    return small_model(stages=[*stages[:3], stages[3] | {"name": name}, *stages[4:]])


async def test_a_stage_is_entered_under_every_name_and_id_that_it_and_the_lead_had(service: Service) -> None:
    service.clock.now = days_ago(9)
    await service.ingest(event("a1", at=days_ago(9)))
    service.clock.now = days_ago(8)
    await service.publish(with_sql_named("ready"))
    await service.roll_out()
    service.clock.now = days_ago(1)
    await service.ingest(event("u1", name="Page Viewed", at=days_ago(20)), event("u1", "a1", at=days_ago(1)))
    await service.publish(with_sql_named("for_sales"))
    for_sales = Outcome("for_sales", None, "for_sales")
    assert [each.outcome_on for each in await histories(service, for_sales)] == [days_ago(9).date()]


async def test_an_anonymous_event_is_known_to_be_the_leads_since_it_was_linked(service: Service) -> None:
    service.clock.now = NOW - timedelta(days=4)
    await service.ingest(event("a1", name="Page Viewed", at=service.clock.now))
    service.clock.now = NOW
    await service.ingest(event("u1", name="Page Viewed", at=NOW), event("u1", "a1", at=NOW))
    [found] = await histories(service)
    first = min(found.events, key=lambda each: each.occurred_at)
    assert first.identities == who("a1")
    assert first.received_at == NOW - timedelta(days=4)
    assert found.known_on(first) == NOW.toordinal()


@pytest.mark.parametrize("leads", [3])
async def test_progress_is_reported_in_events(service: Service, leads: int) -> None:
    await service.ingest(*(event(f"u{number}") for number in range(leads)))
    seen: list[int] = []
    await read_histories(service.database, service.models, BOUGHT, on_progress=seen.append)
    assert seen[-1] == leads


async def test_more_events_than_fit_in_memory_are_refused(service: Service) -> None:
    await service.ingest(event("u1"), event("u2"))
    assert len(await read_histories(service.database, service.models, BOUGHT, max_events=2)) == 2
    with pytest.raises(TooManyEvents, match="more than 1 events"):
        await read_histories(service.database, service.models, BOUGHT, max_events=1)
