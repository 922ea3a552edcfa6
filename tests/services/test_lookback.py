"""Looking back: a person's past scores and stages, whatever became known since."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from app.documents.leads import ScoreDocument
from app.errors import NotFound
from app.scoring.document import ScoringModel
from app.scoring.events import Event
from app.scoring.stages import Forecast
from app.services.lookback import ScoreView
from app.services.models import draft
from app.services.sweep import sweep_due
from app.storage import events as event_store
from app.storage.tables import former_identities, leads
from tests.services.harness import (
    EXAMPLES,
    NOW,
    Service,
    World,
    alias,
    event,
    serving,
    small_model,
    with_keep,
    with_signal,
)
from tests.services.histories import contested, split
from tests.services.published import BEGINNERS, PRICING

PAGES: dict[str, Any] = {"context": {"page": {"path": "/blog"}}, "name": "Page Viewed"}


def after(days: float) -> datetime:
    return NOW + timedelta(days=days)


async def on_day(service: Service, days: float, *events: Event) -> None:
    """Ingest events on a later day; they happen then unless they have another time."""
    service.clock.now = after(days)
    moved = [
        replace(each, received_at=after(days), occurred_at=after(days) if each.occurred_at == NOW else each.occurred_at)
        for each in events
    ]
    await service.ingest(*moved)


async def lead_id(service: Service, key: str) -> UUID:
    return (await service.lead(key)).lead.id


async def score_on(service: Service, lead_id: UUID, days: float, version: int | None = None) -> ScoreView:
    """The score as of a day, requested much later."""
    return await service.leads.score(lead_id, after(days), after(400), version)


async def engagement(service: Service, lead_id: UUID, *days: float, version: int | None = None) -> list[float]:
    return [(await score_on(service, lead_id, day, version)).evaluation.values["engagement"] for day in days]


async def assert_unknown(service: Service, lead_id: UUID, days: float) -> None:
    with pytest.raises(NotFound, match="Nothing was known"):
        await score_on(service, lead_id, days)


async def test_an_event_is_unknown_until_it_is_stored(service: Service) -> None:
    await on_day(service, 0, event("u1", name="Unheard Of"))
    service.clock.now = after(2)
    await service.ingest(event("u1", at=after(1), received_at=after(1)))
    assert await engagement(service, await lead_id(service, "u1"), 1.5, 2) == [0, 25]


async def test_the_history_does_not_depend_on_how_many_events_are_read_at_a_time(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in range(6):
        late = event("u1", name="Feature Used", at=after(-days))
        await on_day(service, days, event("u1", name="Feature Used"), event("a1", **PAGES), late)
        if days == 3:
            await on_day(service, days, event("u1", "a1", name="Unheard Of"))
            await service.publish(with_signal("demo", {"on": ["Feature Used"]}))
    lead = await lead_id(service, "u1")
    whole = await service.leads.history(lead, NOW.date(), after(6).date(), after(400))
    monkeypatch.setattr(event_store, "ROWS_AT_ONCE", 2)
    assert await service.leads.history(lead, NOW.date(), after(6).date(), after(400)) == whole
    assert len({seen.evaluation.profile.facts.event_count for seen in whole}) == 6


# --- Merges -----------------------------------------------------------------------------------------------------


async def test_a_merged_id_answers_for_itself_until_the_merge_and_for_its_survivor_after(
    service: Service,
) -> None:
    await on_day(service, 0, event("a1"), event("u1", name="Unheard Of"))
    retired, survivor = await lead_id(service, "a1"), await lead_id(service, "u1")
    await on_day(service, 2, event("u1", "a1", name="Unheard Of"))
    found = [await score_on(service, retired, days) for days in (0, 1.9, 2, 3)]
    assert [each.lead_id for each in found] == [retired, retired, survivor, survivor]
    assert [each.evaluation.values["engagement"] for each in found] == [25, 25, 25, 25]


async def test_a_survivor_has_no_events_of_the_other_lead_before_the_merge(service: Service) -> None:
    await on_day(service, 0, event("a1"), event("u1", name="Unheard Of"))
    await on_day(service, 2, event("u1", "a1", name="Unheard Of"))
    assert await engagement(service, await lead_id(service, "u1"), 0, 1.9, 2) == [0, 0, 25]


async def test_an_id_is_unknown_before_its_creation_even_if_its_survivor_is_older(
    service: Service,
) -> None:
    await on_day(service, 0, event("u1"))
    await on_day(service, 2, event("a1"))
    retired = await lead_id(service, "a1")
    await on_day(service, 4, event("u1", "a1", name="Unheard Of"))
    await assert_unknown(service, retired, 1)
    history = await service.leads.history(retired, NOW.date(), after(4).date(), after(400))
    assert [each.as_of.date() for each in history] == [after(days).date() for days in (2, 3, 4)]


async def test_each_lead_of_a_chain_answers_from_its_own_beginning(service: Service) -> None:
    await on_day(service, 0, event("u0", name="Feature Used"))
    await on_day(service, 1, event("u1", name="Unheard Of"))
    await on_day(service, 2, event("a1"))
    first, middle, last = [await lead_id(service, key) for key in ("a1", "u1", "u0")]
    await on_day(service, 3, event("u1", "a1", name="Unheard Of"))
    await on_day(service, 4, alias("u0", "u1"))
    assert [(await score_on(service, first, days)).lead_id for days in (2, 3, 4)] == [first, middle, last]
    assert [(await score_on(service, middle, days)).lead_id for days in (1, 2, 3, 4)] == [middle, middle, middle, last]
    assert await engagement(service, first, 2, 3, 4) == [25, 25, 27.4]  # the feature used on day 0 has faded to 2.4


async def test_a_chain_of_merges_at_one_moment_ends_at_its_last_lead(service: Service) -> None:
    await on_day(service, 0, event("u0"), event("u1"), event("a1"))
    ids = [await lead_id(service, key) for key in ("a1", "u1", "u0")]
    await on_day(service, 1, event("u1", "a1", name="Unheard Of"))
    await on_day(service, 1, alias("u0", "u1"))
    for each in ids:
        assert (await score_on(service, each, 0.5)).lead_id == each
        assert await engagement(service, each, 0.5, 1) == [25, 40]
        assert (await score_on(service, each, 1)).lead_id == await lead_id(service, "u0")


async def test_a_chain_of_merges_in_one_request_ends_at_its_last_lead(service: Service) -> None:
    await on_day(service, 0, event("u0"), event("u1"), event("a1"))
    ids = [await lead_id(service, key) for key in ("a1", "u1", "u0")]
    await on_day(service, 1, event("u1", "a1", name="Unheard Of"), alias("u0", "u1"))
    for each in ids:
        assert await engagement(service, each, 0.5, 1) == [25, 40]


async def test_leads_that_began_and_ended_at_one_moment_answer_with_the_last(service: Service) -> None:
    await on_day(service, 1, event("u0"), event("u1"), event("a1"))
    ids = [await lead_id(service, key) for key in ("a1", "u1", "u0")]
    await on_day(service, 1, event("u1", "a1", name="Unheard Of"))
    await on_day(service, 1, alias("u0", "u1"))
    for each in ids:
        await assert_unknown(service, each, 0.5)
        assert (await score_on(service, each, 1)).lead_id == await lead_id(service, "u0")


async def test_a_chain_whose_later_merge_has_an_earlier_time_ends_at_its_last_lead(service: Service) -> None:
    await on_day(service, 0, event("u0"), event("u1"), event("a1"))
    ids = [await lead_id(service, key) for key in ("a1", "u1", "u0")]
    await on_day(service, 2, event("u1", "a1", name="Unheard Of"))
    await on_day(service, 1.999, alias("u0", "u1"))
    assert [(await score_on(service, each, 3)).lead_id for each in ids] == [await lead_id(service, "u0")] * 3


async def test_looking_back_works_for_a_person_with_very_many_identities(service: Service) -> None:
    await on_day(service, 0, *(event("u1", f"a{number}", name="Unheard Of") for number in range(1_100)))
    await on_day(service, 1, event("a7"), event("a1099", name="Feature Used"))
    assert await engagement(service, await lead_id(service, "u1"), 0, 1) == [0, 29]


async def test_a_lead_merged_before_former_links_were_stored_answers_with_its_survivor(service: Service) -> None:
    await on_day(service, 0, event("a1"), event("u1", name="Unheard Of"))
    retired = await lead_id(service, "a1")
    await on_day(service, 2, event("u1", "a1", name="Unheard Of"))
    async with service.database.write() as connection:
        await connection.execute(delete(former_identities))
    found = [await score_on(service, retired, days) for days in (1, 2)]
    assert [each.lead_id for each in found] == [await lead_id(service, "u1")] * 2
    assert [each.evaluation.values["engagement"] for each in found] == [0, 25]


# --- What became known later ------------------------------------------------------------------------------------


async def test_a_late_event_counts_from_its_arrival(service: Service) -> None:
    await on_day(service, 0, event("u1", name="Unheard Of"))
    await on_day(service, 5, event("u1", at=after(1)))
    assert await engagement(service, await lead_id(service, "u1"), 1, 4.9, 5) == [0, 0, 25]


async def test_an_identity_linked_later_adds_its_past_from_then_on(service: Service) -> None:
    await on_day(service, 0, event("u1", name="Unheard Of"), event("e1@x"))
    await on_day(service, 3, event("u1", "e1@x", name="Unheard Of"))
    assert await engagement(service, await lead_id(service, "u1"), 0, 2.9, 3) == [0, 0, 25]


async def test_an_event_with_a_new_identity_is_known_immediately(service: Service) -> None:
    await on_day(service, 0, event("u1", name="Unheard Of"))
    await on_day(service, 3, event("u1", "a1", name="Unheard Of"), event("a1"))
    assert await engagement(service, await lead_id(service, "u1"), 2.9, 3) == [0, 25]


# --- Models -----------------------------------------------------------------------------------------------------


async def test_each_moment_uses_the_model_that_was_active(service: Service) -> None:
    await on_day(service, 0, event("u1", **PAGES))
    for days, model in ((1, PRICING), (3, small_model())):
        service.clock.now = after(days)
        await service.publish(model)
        await service.roll_out()
    lead = await lead_id(service, "u1")
    versions = [(await score_on(service, lead, days)).evaluation.model.version for days in (0, 0.9, 1, 2.9, 3)]
    assert versions == [1, 1, 2, 2, 3]
    assert await engagement(service, lead, 0.9, 1, 3) == [0, 2.99, 0]  # 3.3 × 2^(−1/7)


async def test_a_published_model_applies_before_its_rollout_reaches_the_lead(service: Service) -> None:
    await on_day(service, 0, event("u1"))
    service.clock.now = after(1)
    await service.publish(BEGINNERS)
    served = await service.leads.score(await lead_id(service, "u1"), None, after(1))
    service.clock.now = after(2)
    await service.roll_out()
    again = await score_on(service, served.lead_id, 1)
    assert again.stage == served.stage == "interest"


async def test_another_model_has_its_own_signals_counted_from_the_log(service: Service) -> None:
    await on_day(service, 0, event("u1", **PAGES))
    version = (await draft(service.database, PRICING, None, after(1))).number
    lead = await lead_id(service, "u1")
    assert await engagement(service, lead, 0, version=version) == [3.3]
    assert await engagement(service, lead, 0) == [0]
    now = await service.leads.score(lead, None, NOW, version)
    assert (now.evaluation.values["engagement"], now.evaluation.model.version) == (3.3, version)


async def test_another_model_is_applied_to_the_facts_known_then(service: Service) -> None:
    await on_day(service, 0, event("u1", name="Unheard Of"))
    await on_day(service, 2, event("u1", "a1", **PAGES), event("a1", **PAGES, at=after(1)))
    version = (await draft(service.database, PRICING, None, after(3))).number
    assert await engagement(service, await lead_id(service, "u1"), 1, 2, version=version) == [0, 6.29]


async def test_looking_back_keeps_a_kept_stage(database_url: str) -> None:
    async with serving(database_url, with_keep()) as service:
        await on_day(
            service, 0, *(event("u1", name="Feature Used") for _ in range(6))
        )  # 24 points that fade over 10 days
        for days in range(1, 9):
            await sweep_due(service.database, service.models, after(days), 10)
        lead = await lead_id(service, "u1")
        assert [(await score_on(service, lead, days)).stage for days in (0, 2, 5, 6, 8)] == [
            *["mql"] * 3,
            *["interest"] * 2,
        ]


async def test_looking_back_does_not_keep_a_stage_that_the_lead_never_had(database_url: str) -> None:
    async with serving(database_url, with_keep()) as service:
        await on_day(service, 0, *(event("u1", name="Feature Used") for _ in range(3)))  # 12 points: not enough
        lead = await lead_id(service, "u1")
        await on_day(service, 2, *(event("u1") for _ in range(2)))
        assert [(await score_on(service, lead, days)).stage for days in (0, 1.9, 2)] == ["interest", "interest", "sql"]


async def test_a_lead_starts_in_the_first_stage_of_the_model_active_then(database_url: str) -> None:
    rungs = [{"name": "newcomer"}, {"name": "sql", "when": {"signal": "demo", "within_days": 14}}]
    async with serving(database_url, small_model(stages=rungs)) as service:
        await on_day(service, 0, event("u1", name="Unheard Of"), event("u2"))
        service.clock.now = after(1)
        await service.publish(small_model())
        await service.roll_out()
        stages = {key: [await _stage(service, key, days) for days in (0, 1)] for key in ("u1", "u2")}
        assert stages == {"u1": ["newcomer", "interest"], "u2": ["sql", "sql"]}


async def _stage(service: Service, key: str, days: float) -> str:
    return (await score_on(service, await lead_id(service, key), days)).stage


# --- Histories --------------------------------------------------------------------------------------------------


async def test_a_history_has_one_view_per_day_from_when_the_lead_was_known(service: Service) -> None:
    await on_day(service, 1, event("u1"))
    history = await service.leads.history(await lead_id(service, "u1"), after(-3).date(), after(3).date(), after(9))
    assert [each.as_of for each in history] == [
        datetime.combine(after(days).date(), time.max, UTC) for days in (1, 2, 3)
    ]


async def test_a_history_reaches_into_the_future(service: Service) -> None:
    await on_day(service, 1, event("u1"))
    lead, service.clock.now = await lead_id(service, "u1"), after(2)
    history = await service.leads.history(lead, after(1).date(), after(40).date(), after(2))
    assert [each.as_of.date() for each in history] == [after(days).date() for days in range(1, 41)]
    assert history[1].as_of == after(2)
    first = next(each for each in history if each.stage != history[0].stage)
    assert (await service.lead("u1")).next_change == Forecast(first.as_of.date(), first.stage)
    for each in history[2:]:
        score = await service.leads.score(lead, each.as_of, after(2))
        assert (score.evaluation.values, score.stage) == (each.evaluation.values, each.stage)


async def test_a_history_of_future_days_alone_continues_that_up_to_today(service: Service) -> None:
    await on_day(service, 1, event("u1"))
    lead = await lead_id(service, "u1")
    whole = await service.leads.history(lead, after(1).date(), after(30).date(), after(2))
    assert await service.leads.history(lead, after(5).date(), after(30).date(), after(2)) == whole[4:]


MODELS: Sequence[ScoringModel] = (small_model(), with_keep(), PRICING, BEGINNERS)


def as_served(view: ScoreView) -> object:
    """The parts of an evaluation that a client sees, with the lead's id."""
    return view.lead_id, ScoreDocument.of_lead(view).model_dump()


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), messages=contested(10))
def test_a_history_agrees_with_the_score_at_the_end_of_each_day(
    world: World, data: st.DataObject, messages: list[Event]
) -> None:
    """It also agrees with what was served then, with merges, late events, new models and kept stages."""
    world.reset(with_keep())
    served: dict[tuple[UUID, date], object] = {}
    for batch in data.draw(split(messages), label="batches"):
        for _ in range(data.draw(st.integers(0, 6), label="days")):
            served |= world.run(_end_the_day(world.service))
        world.run(_happen(world.service, batch, data.draw))
    served |= world.run(_end_the_day(world.service))
    version = data.draw(st.sampled_from([None, 1]), label="version")
    world.run(_assert_looked_back(world.service, served, version))


async def _happen(service: Service, batch: Sequence[Event], draw: Callable[..., Any]) -> None:
    await service.ingest(*(replace(each, received_at=service.clock.now) for each in batch))
    if model := draw(st.none() | st.sampled_from(MODELS), label="model"):
        await service.publish(model)
        await service.roll_out()
    if draw(st.booleans(), label="swept"):
        await sweep_due(service.database, service.models, service.clock.now, 100)


async def _end_the_day(service: Service) -> dict[tuple[UUID, date], object]:
    """Return the evaluation for every id so far at the end of the day, and move the clock to the next day."""
    day = service.clock.now.date()
    service.clock.now = datetime.combine(day, time.max, UTC)
    async with service.database.read() as connection:
        ids = list((await connection.execute(select(leads.c.id))).scalars())
    said = {(each, day): as_served(await service.leads.score(each, None, service.clock.now)) for each in ids}
    service.clock.now = datetime.combine(day + timedelta(days=1), time(12), UTC)
    return said


async def _assert_looked_back(service: Service, served: dict[tuple[UUID, date], object], version: int | None) -> None:
    now = service.clock.now
    for each in {lead for lead, _ in served}:
        history = await service.leads.history(each, NOW.date(), now.date(), now, version)
        one_by_one = [await service.leads.score(each, seen.as_of, now, version) for seen in history]
        assert list(map(as_served, history)) == list(map(as_served, one_by_one))
        if version is None:
            said = {day: view for (lead, day), view in served.items() if lead == each}
            assert {seen.as_of.date(): as_served(seen) for seen in history if seen.as_of < now} == said
