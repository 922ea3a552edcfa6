"""Splitting and merging by hand: both sides equal a rebuild (see test_machine), and what was served stays served."""

import asyncio
from datetime import datetime
from uuid import UUID, uuid4

import pytest

from app.errors import NotFound, ValidationFailed
from app.services.links import Merger, Split, merge_leads, split_lead
from tests.services.feeds import read_all
from tests.services.harness import NOW, Service, alias, changes, event, serving, who
from tests.services.rebuild import stored
from tests.services.test_lookback import PAGES, after, as_served, engagement, lead_id, on_day, score_on


async def split(service: Service, lead_id: UUID, *keys: str, dry_run: bool = False) -> Split:
    return await split_lead(service.database, service.models, lead_id, who(*keys), service.clock.now, dry_run=dry_run)


async def merged(service: Service, *lead_ids: UUID, dry_run: bool = False) -> Merger:
    return await merge_leads(service.database, service.models, lead_ids, service.clock.now, dry_run=dry_run)


def counts(split: Split) -> tuple[int, int]:
    return split.remaining.lead.facts.event_count, split.separated.lead.facts.event_count


async def test_an_identity_takes_its_events_along(service: Service) -> None:
    await service.ingest(event("a1"), event("a1"), event("u1", "a1", traits={"size": 60}))
    result = await split(service, await lead_id(service, "u1"), "a1")
    assert counts(result) == (1, 2)
    user, visitor = await service.lead("u1"), await service.lead("a1")
    assert (user.lead.id, visitor.lead.id) == (result.remaining.lead.id, result.separated.lead.id)
    assert (user.lead.scores["fit"], visitor.lead.scores["fit"]) == (20, 0)
    assert await changes(service, "split") == [("interest", "sql", "split", 1, True)]


async def test_an_identity_without_events_of_its_own_becomes_a_lead_without_events(service: Service) -> None:
    await service.ingest(event("u1", "a1"))
    assert counts(await split(service, await lead_id(service, "u1"), "a1")) == (1, 0)
    visitor = await service.lead("a1")
    assert (visitor.standing.stage, visitor.lead.facts.first_seen_at) == ("interest", None)


async def test_a_dry_run_says_the_same_and_changes_nothing(service: Service) -> None:
    await service.ingest(event("a1"), event("u1", "a1"), event("u2"))
    before, end = await stored(service.database), (await service.feed.bounds()).last
    user, other = await lead_id(service, "u1"), await lead_id(service, "u2")
    planned = await split(service, user, "a1", dry_run=True)
    assert (await merged(service, user, other, dry_run=True)).merged == [other]
    assert (await stored(service.database), (await service.feed.bounds()).last) == (before, end)
    assert counts(await split(service, user, "a1")) == counts(planned)


@pytest.mark.parametrize(
    "message", [event("u1", "a1"), event("u1", "a1", "e1@x"), alias("u1", "a1"), alias("u1", "a1", trusted=False)]
)
async def test_no_later_message_joins_what_was_split(service: Service, message: object) -> None:
    await service.ingest(event("a1"), event("u1", "a1"))
    await split(service, await lead_id(service, "u1"), "a1")
    await service.ingest(message)  # type: ignore[arg-type]
    assert await lead_id(service, "a1") != await lead_id(service, "u1")


async def test_a_split_holds_for_leads_that_are_joined_with_either_side(service: Service) -> None:
    await service.ingest(event("u1", "a1"))
    await split(service, await lead_id(service, "u1"), "a1")
    await service.ingest(event("a1", "e2@x"), event("u2", "e2@x"))
    await service.ingest(alias("u1", "u2"))
    assert await lead_id(service, "u1") != await lead_id(service, "u2") == await lead_id(service, "a1")


async def test_a_merge_by_hand_ends_a_split(service: Service) -> None:
    await service.ingest(event("a1"), event("u1", "a1"))
    user = await lead_id(service, "u1")
    visitor = (await split(service, user, "a1")).separated.lead.id
    result = await merged(service, visitor, user)
    assert (result.survivor.lead.id, result.merged, result.survivor.lead.separations) == (user, [visitor], {})
    assert (await service.lead("a1")).lead.facts.event_count == 2


async def test_the_ids_of_merged_leads_follow_their_identities(service: Service) -> None:
    await service.ingest(event("a1"), event("a2"), event("u1"))
    visitor, second = await lead_id(service, "a1"), await lead_id(service, "a2")
    await service.ingest(event("u1", "a1", "a2"))
    result = await split(service, await lead_id(service, "u1"), "a1")
    assert result.separated.origin is not None
    assert result.separated.origin.former_ids == [visitor]
    assert (await service.leads.get(visitor, NOW)).lead.id == result.separated.lead.id
    assert (await service.leads.get(second, NOW)).lead.id == result.remaining.lead.id


async def test_the_feed_says_who_was_split_from_whom(service: Service) -> None:
    await service.ingest(event("a1"), event("u1"))
    visitor, user = await lead_id(service, "a1"), await lead_id(service, "u1")
    await service.ingest(event("u1", "a1", traits={"city": "Ulm"}))
    end = (await service.feed.bounds()).last
    new = (await split(service, user, "a1")).separated.lead.id
    news = [change for _, change in await read_all(service.feed, after=end)]
    assert [(each.type, each.lead_id) for each in news] == [
        ("lead.created", new),
        ("lead.split", new),
        ("lead.score_changed", new),
        ("lead.stage_changed", new),
    ]
    assert news[1].data == {"from": str(user), "into": str(new), "former_ids": [str(visitor)]}


async def test_traits_that_a_lead_loses_are_in_the_feed(service: Service) -> None:
    await service.ingest(event("a1", traits={"city": "Ulm"}), event("u1", "a1"))
    end = (await service.feed.bounds()).last
    await split(service, await lead_id(service, "u1"), "a1")
    [change] = [each for _, each in await read_all(service.feed, after=end) if each.type == "lead.traits_changed"]
    assert change.data == {"names": ["city"]}


async def test_stages_that_each_reached_go_with_them(service: Service) -> None:
    await on_day(service, 0, event("a1"))
    await on_day(service, 1, event("u1", name="Order Completed", trusted=True))
    await on_day(service, 2, event("u1", "a1", name="Unheard Of"))
    service.clock.now = after(3)
    result = await split(service, await lead_id(service, "u1"), "a1")
    assert dict(result.separated.lead.standing.reached) == {"sql": after(0)}
    assert dict(result.remaining.lead.standing.reached) == {"customer": after(1)}
    assert result.separated.lead.created_at == after(0)
    assert (result.separated.lead.journey, result.remaining.lead.journey) == ("3:0", "4:0")


async def test_leads_merged_and_split_again_and_again_answer_for_each_period(service: Service) -> None:
    await on_day(service, 0, event("a1"), event("u1", name="Feature Used"))
    ids = visitor, user = await lead_id(service, "a1"), await lead_id(service, "u1")
    served: dict[tuple[UUID, float], object] = {}
    made: list[UUID] = [visitor]
    for days in range(1, 13):
        service.clock.now = after(days)
        if days == 1:
            await on_day(service, days, event("u1", "a1", name="Unheard Of"))
        elif days % 4 == 1:
            await merged(service, visitor, user)
        elif days % 4 == 3:
            made.append((await split(service, visitor, "a1")).separated.lead.id)
        else:
            await on_day(service, days, event("a1", name="Feature Used"), event("u1", **PAGES))
        for each in ids:
            served[each, days] = as_served(await service.leads.score(each, None, after(days)))
    assert {key: as_served(await score_on(service, *key)) for key in served} == served
    served_by = [(await score_on(service, visitor, days)).lead_id for days in range(13)]
    assert served_by == [visitor, *[each for lead in made[1:] for each in (user, user, lead, lead)]]


async def test_a_history_over_splits_says_of_each_day_what_asking_at_its_end_says(service: Service) -> None:
    await on_day(service, 0, event("a1"), event("u1", name="Feature Used"))
    ids = await lead_id(service, "a1"), await lead_id(service, "u1")
    for days in (1, 3):
        service.clock.now = after(days)
        await merged(service, *ids)
        service.clock.now = after(days + 1)
        await split(service, ids[1], "a1")
    for each in ids:
        history = await service.leads.history(each, NOW.date(), after(5).date(), after(400))
        one_by_one = [await service.leads.score(each, seen.as_of, after(400)) for seen in history]
        assert list(map(as_served, history)) == list(map(as_served, one_by_one))
        assert len({seen.evaluation.profile.facts.event_count for seen in history}) > 1


async def test_a_lead_that_lost_one_of_its_identities_earlier_leads_on_by_the_others(service: Service) -> None:
    await on_day(service, 0, event("a1"), event("u2", name="Unheard Of"))
    await on_day(service, 1, event("a1", "a2", name="Unheard Of"), event("u1", name="Unheard Of"))
    visitor, user = await lead_id(service, "a1"), await lead_id(service, "u1")
    service.clock.now = after(2)
    second = (await split(service, visitor, "a2")).separated.lead.id
    await on_day(service, 3, event("u1", "a1", name="Unheard Of"), event("u2", "a2", name="Unheard Of"))
    assert [(await score_on(service, visitor, days)).lead_id for days in range(4)] == [visitor] * 3 + [user]
    assert (await score_on(service, second, 3)).lead_id == await lead_id(service, "u2")
    assert await engagement(service, visitor, 1, 2, 3) == [25, 25, 25]


async def test_messages_that_arrive_during_a_split_are_counted_once(service: Service, database_url: str) -> None:
    async with serving(database_url) as other:
        await service.ingest(event("u1"), event("a1"), event("u1", "a1"))
        for number in range(6):
            user = await lead_id(service, "u1")
            sending = (each.ingest(event("a1"), event("u1", f"a{number}x")) for each in (service, other))
            await asyncio.gather(split(service, user, "a1"), *sending)
            leads = await stored(service.database)
            service.clock.now = datetime.fromtimestamp(service.clock.now.timestamp() + 1, NOW.tzinfo)
            assert leads["anonymous_id:a1",]["event_count"] == 3 + 2 * number
            await merged(service, user, await lead_id(service, "a1"))


async def test_what_cannot_be_split_or_merged_is_refused(service: Service) -> None:
    await service.ingest(event("u1", "a1"))
    user = await lead_id(service, "u1")
    with pytest.raises(ValidationFailed, match="no such email"):
        await split(service, user, "e9@x")
    with pytest.raises(ValidationFailed, match="no other identities"):
        await split(service, user, "u1", "a1")
    with pytest.raises(ValidationFailed, match="refer to one lead"):
        await merged(service, user, user)
    for work in (split(service, uuid4(), "u1"), merged(service, user, uuid4())):
        with pytest.raises(NotFound):
            await work
