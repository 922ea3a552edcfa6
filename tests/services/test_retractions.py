"""Retractions: events stop counting and count again, and looking back still gives what was served.

That every lead equals a rebuild without them, whatever else happens, is in test_machine.
"""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from app.errors import NotFound
from app.scoring.engine import compile_model
from app.services.erasure import erase_lead
from app.services.evaluation import StageMoves
from app.services.failures import SetAside
from app.services.ingest import store
from app.services.links import merge_leads, split_lead
from app.services.retracting import work_off
from app.services.retractions import EventFilter, Extent, Retractions, RetractionView
from app.storage.events import LONGEST_WRITE
from tests.services.damage import damage, repair, tally_of
from tests.services.feeds import read_all
from tests.services.harness import NOW, Clock, Service, changes, days_ago, event, serving, small_model, who
from tests.services.rebuild import event_log, rebuilt, stored
from tests.services.test_lookback import after, as_served, lead_id, on_day, score_on

WEBSITE = EventFilter(source="website")
SOURCES = ("website", "product")


def retractions_of(service: Service) -> Retractions:
    return Retractions(service.database, service.models, service.clock)


async def carry_out(
    service: Service, chunk: int = 500, *, stop: bool = False, set_aside: SetAside | None = None
) -> None:
    def on_chunk(_events: int, _moves: StageMoves) -> bool:
        return not stop

    await work_off(service.database, service.models, service.id, service.clock, on_chunk, chunk, set_aside=set_aside)
    if not stop:
        later = Clock(service.clock.now + LONGEST_WRITE)
        await work_off(service.database, service.models, service.id, later, on_chunk, chunk, set_aside=set_aside)


async def retract(service: Service, wanted: EventFilter, days: float = 1) -> UUID:
    service.clock.now = after(days)
    made = await retractions_of(service).create(wanted, "a bot", "admin")
    await carry_out(service)
    return made.retraction.id


async def undo(service: Service, retraction_id: UUID, days: float = 2) -> RetractionView:
    service.clock.now = after(days)
    await retractions_of(service).undo(retraction_id, "other")
    await carry_out(service)
    return await retractions_of(service).get(retraction_id)


async def count(service: Service, key: str) -> int:
    return (await service.lead(key)).lead.facts.event_count


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (EventFilter(message_ids=["m1", "m2"]), 3),
        (EventFilter(source="product"), 4),
        (EventFilter(name="DEMO_REQUESTED"), 1),
        (EventFilter(source="website", name="Feature Used"), 4),
        (EventFilter(received_from=after(0.25)), 4),
        (EventFilter(received_before=after(0.25)), 1),
        (EventFilter(address="192.0.2.1"), 4),
        (EventFilter(agent="bot"), 4),
        (EventFilter(address="192.0.2.1", agent="human"), 5),
    ],
)
async def test_a_filter_matches_what_meets_all_of_it(service: Service, wanted: EventFilter, left: int) -> None:
    await on_day(
        service,
        0,
        event("u1", message_id="m1"),
        event("u1", message_id="m2"),
        event("u1", source="product"),
        event("u1", name="Feature Used", context={"ip": "192.0.2.1", "userAgent": "bot"}),
    )
    await on_day(service, 0.5, event("u1", context={"ip": 5}))
    assert (await retractions_of(service).plan(wanted)).extent.events == 5 - left
    await retract(service, wanted)
    assert await count(service, "u1") == left


async def test_events_of_an_unknown_lead_can_not_be_retracted(service: Service) -> None:
    wanted, retractions = EventFilter(lead_id=UUID(int=0)), retractions_of(service)
    for attempt in (retractions.count(wanted), retractions.plan(wanted), retractions.create(wanted, "a bot", "admin")):
        with pytest.raises(NotFound, match="There is no lead"):
            await attempt
    assert not (await retractions.page(None, 1)).items


async def test_events_of_a_lead_are_found_by_any_of_its_ids(service: Service) -> None:
    await on_day(service, 0, event("u1"), event("a1"), event("u2"))
    visitor = await lead_id(service, "a1")
    await on_day(service, 0.5, event("u1", "a1"))
    await retract(service, EventFilter(lead_id=visitor))
    assert [await count(service, key) for key in ("u1", "u2")] == [0, 1]


async def test_scores_stages_and_the_feed_correct_themselves_and_say_why(service: Service) -> None:
    await on_day(service, 0, event("u1", traits={"size": 60}))
    lead, end = await lead_id(service, "u1"), (await service.feed.bounds()).last
    made = await retract(service, WEBSITE)
    assert (await service.lead("u1")).lead.scores == {"engagement": 0, "fit": 0}
    assert await changes(service, "retraction") == [("sql", "interest", "retraction", 1, True)]
    news = [change for _, change in await read_all(service.feed, after=end)]
    assert [(each.type, each.lead_id) for each in news] == [
        ("lead.traits_changed", lead),
        ("lead.score_changed", lead),
        ("lead.stage_changed", lead),
    ]
    found = (await retractions_of(service).get(made)).retraction
    assert (found.reason, found.created_by, found.created_at, found.state) == ("a bot", "admin", after(1), "retracted")


async def test_an_undone_retraction_leaves_everything_as_it_was(service: Service) -> None:
    await on_day(service, 0, event("u1", "a1"), event("a1", name="Feature Used", traits={"size": 60}))
    await on_day(service, 0.5, event("u1", source="product"))
    before = await stored(service.database)
    made = await retract(service, WEBSITE, 0.6)
    assert await stored(service.database) != before
    view = await undo(service, made, 0.7)
    now = await stored(service.database)
    assert now == {person: row | {"updated_at": now[person]["updated_at"]} for person, row in before.items()}
    assert (view.retraction.state, view.retraction.undone_by, view.extent.events) == ("undone", "other", 0)


async def test_looking_back_gives_what_was_served(service: Service) -> None:
    await on_day(service, 0, event("u1", message_id="m1"), event("u1", name="Feature Used"))
    lead = await lead_id(service, "u1")
    served = {0.0: as_served(await service.leads.score(lead, None, after(0)))}
    wanted = EventFilter(message_ids=["m1"])
    for days in (1, 3):
        made = await retract(service, wanted, days)
        served[days + 0.5] = as_served(await service.leads.score(lead, None, after(days + 0.5)))
        await undo(service, made, days + 1)
        served[days + 1.5] = as_served(await service.leads.score(lead, None, after(days + 1.5)))
    assert {days: as_served(await score_on(service, lead, days)) for days in served} == served
    history = await service.leads.history(lead, NOW.date(), after(5).date(), after(400))
    one_by_one = [await service.leads.score(lead, seen.as_of, after(400)) for seen in history]
    assert list(map(as_served, history)) == list(map(as_served, one_by_one))
    assert len(set(map(str, served.values()))) == len(served)


async def test_a_message_sent_again_stays_a_duplicate_that_does_not_count(service: Service) -> None:
    sent = event("u1")
    await on_day(service, 0, sent)
    await retract(service, WEBSITE)
    receipt = await service.ingest(sent)
    assert (receipt.duplicates, await count(service, "u1")) == (1, 0)


async def test_a_signal_that_is_recounted_leaves_retracted_events_out(service: Service) -> None:
    await on_day(service, 0, event("u1", name="Unheard Of"), event("u1", name="Unheard Of", source="product"))
    await retract(service, WEBSITE)
    signals = {**small_model().model_dump(by_alias=True, exclude_unset=True)["signals"], "demo": {"on": ["Unheard Of"]}}
    await service.publish(small_model(signals=signals))
    await service.roll_out()
    assert (await service.lead("u1")).lead.scores["engagement"] == 25


async def test_what_arrives_later_is_not_covered(service: Service) -> None:
    await on_day(service, 0, event("u1"))
    service.clock.now = after(1)
    await retractions_of(service).create(WEBSITE, "a bot", "admin")
    await on_day(service, 1, event("u1"))
    await carry_out(service)
    assert await count(service, "u1") == 1


async def test_an_event_that_was_received_in_time_and_committed_late_is_covered(postgres_url: str) -> None:
    async with serving(postgres_url, small_model()) as service:
        await on_day(service, 0, event("u1"))
        async with service.database.write() as connection:
            await store(connection, service.models, [event("u2")], after(0.5))
            service.clock.now = after(0.5) + timedelta(seconds=1)
            made = await retractions_of(service).create(WEBSITE, "a bot", "admin")
            await work_off(service.database, service.models, service.id, service.clock, lambda *_: True)
            assert await count(service, "u1") == 0
        await carry_out(service)
        assert await count(service, "u2") == 0
        assert (await retractions_of(service).get(made.retraction.id)).retraction.state == "retracted"


async def test_a_dry_run_says_what_would_change_and_changes_nothing(service: Service) -> None:
    await on_day(service, 0, event("u1"), event("u1", source="product"), event("u2", source="product"))
    before = await stored(service.database)
    service.clock.now = after(1)
    plan = await retractions_of(service).plan(WEBSITE)
    assert (plan.extent.events, plan.extent.leads) == (1, 1)
    [effect] = plan.effects
    assert effect.before is not None
    assert (effect.before.facts.event_count, effect.lead.facts.event_count) == (2, 1)
    assert await stored(service.database) == before


async def test_another_process_continues_when_the_claim_expires(service: Service, database_url: str) -> None:
    await on_day(service, 0, *(event(f"u{number}") for number in range(5)))
    service.clock.now = after(1)
    await retractions_of(service).create(WEBSITE, "a bot", "admin")
    await carry_out(service, chunk=2, stop=True)
    async with serving(database_url) as other:
        other.clock.now = after(1)
        await carry_out(other, stop=True)
        assert [await count(service, f"u{number}") for number in range(5)] == [0, 0, 1, 1, 1]
        other.clock.now = after(1) + timedelta(seconds=11)
        await carry_out(other)
        assert [await count(service, f"u{number}") for number in range(5)] == [0] * 5


async def test_a_retraction_can_be_undone_before_it_is_complete(service: Service) -> None:
    await on_day(service, 0, *(event(f"u{number}") for number in range(5)))
    before = {person: row["scores"] for person, row in (await stored(service.database)).items()}
    service.clock.now = after(1)
    made = await retractions_of(service).create(WEBSITE, "a bot", "admin")
    await carry_out(service, chunk=2, stop=True)
    await undo(service, made.retraction.id, 1)
    assert {person: row["scores"] for person, row in (await stored(service.database)).items()} == before


async def test_a_lead_that_is_merged_or_split_before_the_retraction_is_complete_is_the_one_it_was(
    service: Service,
) -> None:
    await on_day(service, 0, event("u1", "a1"), event("a1", "a1-phone"), event("u2"))
    service.clock.now = after(1)
    one, other = await lead_id(service, "u1"), await lead_id(service, "u2")
    await retractions_of(service).create(EventFilter(lead_id=one), "a bot", "admin")
    service.clock.now = after(2)
    await split_lead(service.database, service.models, one, who("a1-phone"), after(2), dry_run=False)
    await split_lead(service.database, service.models, one, who("a1"), after(2), dry_run=False)
    await merge_leads(service.database, service.models, [one, other], after(2), dry_run=False)
    await carry_out(service)
    assert [await count(service, key) for key in ("u1", "u2", "a1")] == [1, 1, 0]


async def test_a_merge_committed_later_than_its_time_says_adds_nobody_to_a_retraction(service: Service) -> None:
    """It took its time, then waited for the leads' locks, while the retraction was created."""
    await on_day(service, 0, event("u1"))
    await on_day(service, 0.5, event("u2", "a2"), event("a2"))
    survivor, absorbed = await lead_id(service, "u1"), await lead_id(service, "u2")
    service.clock.now = after(1)
    await retractions_of(service).create(EventFilter(lead_id=absorbed), "a bot", "admin")
    await merge_leads(service.database, service.models, [survivor, absorbed], after(0.9), dry_run=False)
    await carry_out(service)
    assert await lead_id(service, "u2") == survivor
    assert await count(service, "u1") == 1


async def test_a_retraction_of_a_lead_that_was_erased_meanwhile_takes_back_nothing(service: Service) -> None:
    await on_day(service, 0, event("u1"), event("u2"))
    service.clock.now = after(1)
    wanted = EventFilter(lead_id=await lead_id(service, "u1"))
    made = (await retractions_of(service).create(wanted, "a bot", "admin")).retraction
    await erase_lead(service.database, service.models, await lead_id(service, "u1"), after(1))
    await carry_out(service)
    found = await retractions_of(service).get(made.id)
    assert (found.retraction.state, await count(service, "u2")) == ("retracted", 1)


async def test_what_an_undone_retraction_restores_is_not_taken_back_by_a_later_one_that_is_unfinished(
    service: Service,
) -> None:
    await on_day(service, 0, event("u1"), event("u1", source="product"))
    first = await retract(service, WEBSITE)
    second = await retractions_of(service).create(EventFilter(name="Demo Requested"), "a bot", "admin")
    await undo(service, first)
    assert await count(service, "u1") == 1
    third = await retract(service, WEBSITE, days=3)
    await undo(service, second.retraction.id, days=4)
    assert (await count(service, "u1"), (await retractions_of(service).get(third)).extent) == (1, Extent(1, 1))


async def test_many_events_are_retracted_while_others_arrive(service: Service, database_url: str) -> None:
    """10 % of the events, of most leads, in many chunks; everything equals a rebuild."""
    sent = [
        event(f"u{number % 40}", at=days_ago(number % 7), source="website" if number % 10 else "bot")
        for number in range(600)
    ]
    for start in range(0, 600, 200):
        await on_day(service, 0, *sent[start : start + 200])
    service.clock.now = after(1)
    await retractions_of(service).create(EventFilter(source="bot"), "a bot", "admin")
    async with serving(database_url, clock=service.clock) as other:
        arriving = [other.ingest(event(f"u{number}", at=days_ago(3)), event(f"a{number}")) for number in range(40)]
        await asyncio.gather(carry_out(service, chunk=7), *arriving)
    log = await event_log(service.database)
    model = compile_model(small_model(), 1)
    state = await stored(service.database)
    retracted = {each.id for each in log if each.source == "bot"}
    expected = rebuilt(log, lambda person: (model, state[person]["updated_at"]), without=retracted)
    assert (len(retracted), state) == (60, expected)


async def test_a_damaged_lead_holds_up_neither_the_others_nor_later_retractions(service: Service) -> None:
    """Its events go on counting, and the retraction is unfinished until a process can evaluate the lead."""
    await on_day(service, 0, *(event(f"u{number}") for number in range(5)), event("u0", source="product"))
    damaged, set_aside = await lead_id(service, "u2"), SetAside(service.metrics)
    whole = await tally_of(service.database, damaged)
    await damage(service.database, damaged)
    service.clock.now = after(1)
    made = [(await retractions_of(service).create(EventFilter(source=each), "a bot", "admin")) for each in SOURCES]
    with capture_logs() as lines:
        for _ in range(2):
            await carry_out(service, chunk=4, set_aside=set_aside)
    assert [line["lead"] for line in lines] == [str(damaged)]
    views = [await retractions_of(service).get(each.retraction.id) for each in made]
    assert [(view.retraction.state, view.extent.events) for view in views] == [("retracting", 4), ("retracted", 1)]
    assert (await retractions_of(service).page(None, 5)).items == views[::-1]
    await repair(service.database, damaged, whole)
    await carry_out(service)
    assert [await count(service, f"u{number}") for number in range(5)] == [0] * 5


async def test_a_damaged_lead_does_not_keep_a_retraction_from_being_undone(service: Service) -> None:
    await on_day(service, 0, *(event(f"u{number}") for number in range(5)))
    damaged = await lead_id(service, "u2")
    made = await retract(service, WEBSITE)
    await damage(service.database, damaged)
    view = await undo(service, made)
    assert (view.retraction.state, view.extent) == ("undoing", Extent(1, 1))


async def test_what_prevails_in_a_lead_with_many_events_is_taken_back_last(service: Service) -> None:
    """Otherwise each chunk would have the first event of those that are left, and the lead be rebuilt every time."""
    await on_day(service, 0, *(event("u1", at=days_ago(number)) for number in range(9)))
    service.clock.now = after(1)
    await retractions_of(service).create(WEBSITE, "a bot", "admin")
    sizes: list[int] = []

    def on_chunk(events: int, _moves: StageMoves) -> bool:
        sizes.append(events)
        return True

    await work_off(service.database, service.models, service.id, service.clock, on_chunk, 3)
    assert (sizes, await count(service, "u1")) == ([2, 3, 2, 2], 0)


async def test_an_unknown_retraction_is_not_found(service: Service) -> None:
    with pytest.raises(NotFound):
        await retractions_of(service).undo(uuid4(), "admin")
