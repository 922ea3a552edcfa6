"""Merges that are undone, as splitting leads will: looking back, an id answers for each period by itself."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.engine import CompiledModel
from app.scoring.history import FactsOverTime
from app.services.evaluation import evaluated
from app.services.history import known_since, read_facts
from app.services.saving import save
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage.sql import UtcDateTime
from app.storage.tables import former_identities, identities, leads
from tests.services.harness import NOW, Service, event, who
from tests.services.test_lookback import PAGES, after, as_served, engagement, lead_id, on_day, score_on


async def undo_merge(service: Service, lead_id: UUID, key: str) -> None:
    """Give an identity back to a lead that was merged away, as splitting leads will, and rebuild both from the log."""
    now = service.clock.now
    async with service.database.write() as connection:
        own = identities.c.identity == str(who(key)[0])
        survivor = (await connection.execute(select(identities.c.lead_id).where(own))).scalar_one()
        link = select(identities.c.identity, identities.c.lead_id, identities.c.linked_at, literal(now, UtcDateTime))
        await connection.execute(insert(former_identities).from_select(former_identities.c.keys(), link.where(own)))
        await connection.execute(update(identities).where(own).values(lead_id=lead_id, linked_at=now))
        await connection.execute(update(leads).where(leads.c.id == lead_id).values(merged_into=None))
        for each in (lead_id, survivor):
            await rebuild(connection, await service.models.active(connection), each, now)


async def rebuild(connection: AsyncConnection, model: CompiledModel, lead_id: UUID, now: datetime) -> None:
    links = await identity_store.links_of_leads(connection, [lead_id])
    history = FactsOverTime(model, known_since(links, now), [now])
    await read_facts(connection, [history])
    before = (await lead_store.get_many(connection, [lead_id]))[lead_id]
    await save(connection, [evaluated(model, lead_id, before, history.by_moment()[now], now, cause="merge")], now)


async def test_leads_merged_and_split_again_and_again_answer_for_each_period(service: Service) -> None:
    await on_day(service, 0, event("a1"), event("u1", name="Feature Used"))
    ids = retired, survivor = await lead_id(service, "a1"), await lead_id(service, "u1")
    served: dict[tuple[UUID, float], object] = {}
    for days in range(1, 13):
        if days % 4 == 1:
            await on_day(service, days, event("u1", "a1", name="Unheard Of"))
        elif days % 4 == 3:
            service.clock.now = after(days)
            await undo_merge(service, retired, "a1")
        else:
            await on_day(service, days, event("a1", name="Feature Used"), event("u1", **PAGES))
        for each in ids:
            served[each, days] = as_served(await service.leads.score(each, None, after(days)))
    assert {key: as_served(await score_on(service, *key)) for key in served} == served
    served_by = [(await score_on(service, retired, days)).lead_id for days in range(13)]
    assert served_by == [retired, *[survivor, survivor, retired, retired] * 3]


async def test_a_history_over_splits_says_of_each_day_what_asking_at_its_end_says(service: Service) -> None:
    await on_day(service, 0, event("a1"), event("u1", name="Feature Used"))
    ids = await lead_id(service, "a1"), await lead_id(service, "u1")
    for days in (1, 3):
        await on_day(service, days, event("u1", "a1", **PAGES))
        service.clock.now = after(days + 1)
        await undo_merge(service, ids[0], "a1")
    for each in ids:
        history = await service.leads.history(each, NOW.date(), after(5).date(), after(400))
        one_by_one = [await service.leads.score(each, seen.as_of, after(400)) for seen in history]
        assert list(map(as_served, history)) == list(map(as_served, one_by_one))
        assert len({seen.evaluation.profile.facts.event_count for seen in history}) > 1


async def test_a_lead_that_was_given_back_one_of_its_identities_speaks_for_itself(service: Service) -> None:
    await on_day(service, 0, event("a1"), event("u2", name="Unheard Of"))
    await on_day(service, 1, event("a1", "a2", name="Unheard Of"), event("u1", name="Unheard Of"))
    retired, survivor, last = [await lead_id(service, key) for key in ("a1", "u1", "u2")]
    await on_day(service, 2, event("u1", "a1", name="Unheard Of"))
    service.clock.now = after(3)
    await undo_merge(service, retired, "a2")
    await on_day(service, 4, event("u2", "a2", name="Unheard Of"))
    served_by = [(await score_on(service, retired, days)).lead_id for days in range(5)]
    assert served_by == [retired, retired, survivor, retired, last]
    assert await engagement(service, retired, 1, 2, 3, 4) == [25, 25, 0, 0]
