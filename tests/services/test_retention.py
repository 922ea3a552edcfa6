"""Retention: old events and anonymous leads go, and what they counted for stays exact (see also test_machine)."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from app.errors import Gone
from app.services.links import split_lead
from app.services.retention import MAX_CHUNK_LEADS, delete_anonymous_leads, delete_old_events, next_size
from app.services.retracting import work_off
from app.services.retractions import EventFilter, Retractions
from tests.services.damage import damage
from tests.services.feeds import read_all
from tests.services.harness import Service, days_ago, event, serving, who, with_signal
from tests.services.rebuild import event_log, stored
from tests.services.test_erasure import dump
from tests.services.test_lookback import after, as_served, lead_id, on_day

SIZE = {"size": 60}


async def delete_events(service: Service, days: float, chunk: int = 500, *, stop: bool = False) -> None:
    """Delete what was received before a day."""
    await delete_old_events(
        service.database, service.models, after(days), service.clock.now, lambda *_: not stop, chunk
    )


async def delete_anonymous(service: Service, days: float, chunk: int = 100) -> None:
    await delete_anonymous_leads(service.database, after(days).date(), service.clock.now, lambda _: True, chunk)


async def visits(service: Service) -> None:
    await on_day(service, 0, event("a1", traits=SIZE), event("a2", name="Feature Used", at=days_ago(3)))
    await on_day(service, 1, event("u1", "a1"), event("u1", name="Feature Used", source="product"))


async def test_a_lead_keeps_what_its_deleted_events_counted_for(service: Service) -> None:
    await visits(service)
    before = await stored(service.database)
    await delete_events(service, 0.5, chunk=1)
    assert (await stored(service.database), len(await event_log(service.database))) == (before, 2)


async def test_a_damaged_lead_keeps_its_events_and_all_others_are_deleted(service: Service) -> None:
    await on_day(service, 0, *(event(f"u{number}") for number in range(6)))
    damaged = await lead_id(service, "u2")
    await damage(service.database, damaged)
    with capture_logs() as lines:
        await delete_events(service, 1, chunk=4)
    assert [str(each.identities[0]) for each in await event_log(service.database)] == ["user_id:u2"]
    assert [line["lead"] for line in lines] == [str(damaged)]


async def test_a_damaged_anonymous_lead_is_deleted_like_any_other(service: Service) -> None:
    await on_day(service, 0, event("a1"), event("a2"))
    await damage(service.database, await lead_id(service, "a1"))
    await delete_anonymous(service, 2)
    assert await stored(service.database) == {}


@pytest.mark.parametrize(("size", "seconds", "expected"), [(100, 0.01, 200), (100, 0.1, 100), (100, 1, 50)])
def test_a_chunk_is_as_large_as_others_can_wait_for(size: int, seconds: float, expected: int) -> None:
    assert next_size(size, seconds) == expected
    assert next_size(MAX_CHUNK_LEADS, seconds) <= MAX_CHUNK_LEADS
    assert next_size(1, seconds) >= 1


async def test_a_stopped_deletion_continues_later(service: Service) -> None:
    await visits(service)
    await delete_events(service, 2, chunk=1, stop=True)
    assert len(await event_log(service.database)) == 3
    await delete_events(service, 2, chunk=2)
    assert await event_log(service.database) == []


async def test_a_lead_is_split_and_rebuilt_exactly_without_its_events(service: Service) -> None:
    await visits(service)
    await delete_events(service, 2)
    split = await split_lead(
        service.database, service.models, await lead_id(service, "u1"), who("a1"), after(2), dry_run=False
    )
    facts = [each.lead.facts for each in (split.remaining, split.separated)]
    assert [(each.event_count, set(each.traits)) for each in facts] == [(2, set()), (1, {"size"})]


async def test_a_signal_that_is_defined_later_counts_the_events_that_are_left(service: Service) -> None:
    await on_day(service, 0, event("u1", name="Unheard Of"), event("u1"))
    await on_day(service, 1, event("u1", name="Unheard Of"))
    await delete_events(service, 0.5)
    await service.publish(with_signal("used", {"on": ["Unheard Of"]}))
    tally = (await service.lead("u1")).evaluation.profile.facts.tally
    assert sorted(sum(days.values()) for days in tally.values()) == [1, 1]


async def test_a_signal_that_returns_counts_what_it_counted_before_events_were_deleted(service: Service) -> None:
    await on_day(service, 0, event("u1", name="Feature Used"), event("u1", name="Feature Used"))
    before = (await service.lead("u1")).lead.facts.tally
    await delete_events(service, 1)
    await service.publish(with_signal("used", {"on": ["Unheard Of"]}))
    await service.roll_out()
    assert (await service.lead("u1")).lead.facts.tally == {}
    first = with_signal("used", {"on": ["Feature Used"]})
    await service.publish(first)
    assert (await service.lead("u1")).evaluation.profile.facts.tally == before


async def test_looking_back_is_exact_or_refused(service: Service) -> None:
    await visits(service)
    await on_day(service, 2, event("u1"))
    lead = await lead_id(service, "u1")
    served = {days: as_served(await service.leads.score(lead, None, after(days))) for days in (2, 3)}
    await delete_events(service, 1.5)
    for days, answer in served.items():
        assert as_served(await service.leads.score(lead, after(days), after(400))) == answer
    with pytest.raises(Gone, match="have been deleted"):
        await service.leads.score(lead, after(0.5), after(400))
    history = await service.leads.history(lead, after(0).date(), after(3).date(), after(400))
    assert [view.as_of.date() for view in history] == [after(days).date() for days in (1, 2, 3)]


async def test_a_retraction_restores_what_is_left_of_its_events(service: Service) -> None:
    await on_day(service, 0, event("u1"), event("u1"))
    await on_day(service, 1, event("u1"))
    retractions = Retractions(service.database, service.models, service.clock)
    service.clock.now = after(2)
    made = (await retractions.create(EventFilter(source="website"), "wrong", "admin")).retraction.id
    for work in (delete_events(service, 0.5), retractions.undo(made, "admin")):
        await work_off(service.database, service.models, service.id, service.clock, lambda *_: True)
        await work
    await work_off(service.database, service.models, service.id, service.clock, lambda *_: True)
    assert (await service.lead("u1")).lead.facts.event_count == 1


async def test_messages_that_arrive_while_two_processes_delete_are_counted_once(
    service: Service, database_url: str
) -> None:
    sent = [event(f"u{number % 5}", "a1" if number % 5 == 0 else "a2") for number in range(60)]
    await on_day(service, 0, *sent)
    service.clock.now = after(2)
    async with serving(database_url, clock=service.clock) as other:
        arriving = [other.ingest(event(f"u{number % 5}", name="Feature Used")) for number in range(20)]
        await asyncio.gather(delete_events(service, 1, chunk=7), delete_events(other, 1, chunk=5), *arriving)
    state = await stored(service.database)
    assert (sum(row["event_count"] for row in state.values()), len(await event_log(service.database))) == (80, 20)


async def test_erasure_covers_summaries(service: Service) -> None:
    await on_day(service, 0, event("a1", traits=SIZE))
    await delete_events(service, 1)
    assert "size" in (await dump(service.database))["summaries"]
    await delete_anonymous(service, 1)
    assert (await dump(service.database))["summaries"] == "[]"


async def test_anonymous_leads_go_once_they_have_not_been_seen_for_long(service: Service) -> None:
    await on_day(service, 0, event("a1"), event("a2"), event("u1", "a3"), event("p4"), event("a5"), event("a6"))
    await on_day(service, 2, event("a2"))
    await split_lead(service.database, service.models, await lead_id(service, "u1"), who("a3"), after(2), dry_run=False)
    end = (await service.feed.bounds()).last
    await delete_anonymous(service, 1, chunk=2)
    left = {key for person in await stored(service.database) for key in person}
    assert left == {"anonymous_id:a2", "user_id:u1", "anonymous_id:a3", "phone:p4"}
    assert [change.type for _, change in await read_all(service.feed, after=end)] == ["lead.erased"] * 3
    assert {str(each.identities[0]) for each in await event_log(service.database)} <= left


async def test_an_anonymous_lead_that_returns_meanwhile_is_kept_or_starts_over(
    service: Service, database_url: str
) -> None:
    async with serving(database_url, clock=service.clock) as other:
        for days in range(0, 30, 10):
            await on_day(service, days, *(event(f"a{number}") for number in range(8)))
            service.clock.now = after(days + 5)
            arriving = [other.ingest(event(f"a{number}", at=after(days + 5))) for number in range(8)]
            await asyncio.gather(delete_anonymous(service, days + 2, chunk=3), *arriving)
            state = await stored(service.database)
            counted = sum(row["event_count"] for row in state.values())
            assert (len(state), counted) == (8, len(await event_log(service.database)))
            assert service.clock.now - timedelta(days=1) < min(row["last_seen_at"] for row in state.values())
