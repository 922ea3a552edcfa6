"""Releases: what was quarantined and released counts as if it had never been quarantined."""

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from app.scoring.events import Event
from app.services.erasure import erase_lead
from app.services.releases import Release
from tests.services.harness import NOW, Service, World, event
from tests.services.histories import peaceful, split
from tests.services.quarantine import quarantine, release
from tests.services.rebuild import event_log, rebuilt, stored
from tests.services.test_laws import evaluation_of, law


def some(history: Sequence[Event]) -> st.SearchStrategy[list[Event]]:
    return st.sets(st.sampled_from(range(len(history)))).map(
        lambda places: [history[place] for place in sorted(places)]
    )


@law
@given(data=st.data(), history=peaceful())
def test_a_release_leads_to_the_state_without_a_quarantine(
    world: World, data: st.DataObject, history: list[Event]
) -> None:
    """Whatever comes before, between and after, also if the same messages come again without a sign of a bot."""
    caught = data.draw(some(history), label="caught")
    sent_again = data.draw(some(caught), label="sent again") if caught else []
    passed = [each for each in history if each not in caught] + sent_again
    batches = data.draw(split(passed), label="batches")
    place = data.draw(st.integers(0, len(batches)), label="place")
    world.reset()
    world.run(quarantine(world.service, *caught))
    world.ingest(*batches[:place])
    done = world.run(release(world.service))
    world.ingest(*batches[place:])
    assert (done.released + done.duplicates, done.left) == (len(caught), 0)
    assert world.run(release(world.service)) == Release(0, 0, 0, 0, 0)
    assert world.run(stored(world.service.database)) == rebuilt(history, evaluation_of)


async def test_what_can_not_be_stored_stays_on_the_list_and_holds_up_nothing(service: Service) -> None:
    await quarantine(service, event("u1"), event("u2", properties={"x": "\ud800"}), event("u3"), event("u4"))
    assert await release(service) == Release(released=3, duplicates=0, suppressed=0, skipped=1, left=0)
    assert {each.identities[0].value for each in await event_log(service.database)} == {"u1", "u3", "u4"}
    assert await release(service) == Release(0, 0, 0, skipped=1, left=0)


async def test_two_releases_at_once_count_once(service: Service) -> None:
    await quarantine(service, *(event(f"u{number}") for number in range(20)))
    both = await asyncio.gather(release(service), release(service))
    assert sum(each.released for each in both) == 20
    assert sum(each.duplicates for each in both) == 0
    assert len(await event_log(service.database)) == 20


async def test_a_suppressed_person_is_not_let_in(service: Service) -> None:
    """Even if the list still has a message of theirs."""
    await quarantine(service, event("u1"))
    async with service.database.write() as connection:
        await service.suppressions.add(connection, event("u1").identities, NOW)
    assert await release(service) == Release(released=0, duplicates=0, suppressed=1, skipped=0, left=0)
    assert await stored(service.database) == {}


async def test_an_erased_persons_quarantined_messages_are_gone(service: Service) -> None:
    await service.ingest(event("u1"))
    await quarantine(service, event("u1"))
    await erase_lead(service.database, service.models, (await service.lead("u1")).lead.id, NOW)
    assert await release(service) == Release(0, 0, 0, 0, 0)


async def test_released_events_do_not_hide_others_from_retention(service: Service) -> None:
    """It reads the oldest events by their ids."""
    caught = event("u1")
    await quarantine(service, caught)
    await service.ingest(event("u2"))
    await release(service)
    assert [each.identities[0].value for each in await event_log(service.database)] == ["u2", "u1"]
