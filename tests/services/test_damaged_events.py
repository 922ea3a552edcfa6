"""An event that can't be read costs only its own lead: the work on others goes on, and errors name lead and event."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Text, literal, select, update
from structlog.testing import capture_logs

from app.errors import DamagedLead
from app.scoring.engine import CompiledModel
from app.services.erasure import delete_events, erase_lead
from app.services.lead_identities import read_lead_identities
from app.services.links import split_lead
from app.services.outcomes import Outcome, read_histories
from app.services.retention import delete_old_events
from app.services.retracting import work_off
from app.services.retractions import EventFilter, Retractions
from app.services.signals import read_pages
from app.storage.db import Database
from app.storage.leads import UnreadableLead
from app.storage.tables import events, leads
from tests.services.harness import NOW, Service, days_ago, event, who
from tests.services.published import PRICING

LATER = NOW + timedelta(days=1)


async def damage_event(database: Database, event_id: UUID, **columns: Any) -> None:
    """By default in a way that both databases can hold; SQLite can also hold what is no JSON."""
    is_sqlite = database.engine.dialect.name == "sqlite"
    undecodable: dict[str, Any] = {"context": literal("{", Text)} if is_sqlite else {}
    async with database.write() as connection:
        values = columns or undecodable or {"identities": [0]}
        await connection.execute(update(events).where(events.c.id == event_id).values(values))


async def two_visitors(service: Service) -> tuple[UUID, UUID, UUID]:
    """Two leads that each viewed a page: their ids, and that of the first one's event, which is damaged."""
    damaged = event("u1", name="Page Viewed", at=days_ago(1), context={"page": {"path": "/pricing"}})
    await service.ingest(
        damaged, event("u2", name="Page Viewed", at=days_ago(1), context={"page": {"path": "/pricing"}})
    )
    first, second = [(await service.lead(user)).lead.id for user in ("u1", "u2")]
    await damage_event(service.database, damaged.id)
    return first, second, damaged.id


def refusal(lead_id: UUID, event_id: UUID) -> str:
    return (
        f"Lead {lead_id} .* its event {event_id} is damaged.* backup, or erase the lead with DELETE /v1/leads/{lead_id}"
    )


async def test_looking_back_names_the_lead_and_the_event(service: Service) -> None:
    first, second, event_id = await two_visitors(service)
    for lead_id in (first, second):
        wanted = service.leads.score(lead_id, NOW, LATER), service.leads.history(lead_id, NOW.date(), NOW.date(), LATER)
        for answer in wanted:
            if lead_id == second:
                assert await answer
                continue
            with pytest.raises(DamagedLead, match=refusal(first, event_id)):
                await answer


async def test_a_recount_leaves_only_its_lead_as_it_was(service: Service) -> None:
    first, second, event_id = await two_visitors(service)
    await service.publish(PRICING)
    with pytest.raises(DamagedLead, match=refusal(first, event_id)):
        await service.lead("u1")
    assert (await service.lead("u2")).lead.id == second
    assert list(await service.leads.get_many([first, second], NOW)) == [second]
    with capture_logs() as lines:
        assert await service.roll_out(4)
    assert [line["lead"] for line in lines if line["event"] == "lead can't be evaluated"] == [str(first)]
    async with service.database.read() as connection:
        rows = await connection.execute(select(leads.c.id, leads.c.model_version))
        assert {row.id: row.model_version for row in rows} == {first: 1, second: 2}


async def test_reports_leave_out_what_can_not_be_read(service: Service) -> None:
    first, second, event_id = await two_visitors(service)
    with capture_logs() as lines:
        histories = await read_histories(
            service.database, service.models, Outcome.named("Page Viewed", await model(service))
        )
    assert [each.lead_id for each in histories] == [str(second)]
    assert [line["lead"] for line in lines] == [str(first)]
    await service.publish(PRICING)
    day = days_ago(1).date()
    with capture_logs() as lines:
        (page,) = (await read_pages(service.database, service.models, "pricing", day, day, 9, NOW)).pages
    assert (page.people, [line["row"] for line in lines]) == (1, [str(event_id)])


async def model(service: Service) -> CompiledModel:
    async with service.database.read() as connection:
        return await service.models.active(connection)


async def test_a_retraction_leaves_only_its_lead_as_it_was(service: Service) -> None:
    first, second, _ = await two_visitors(service)
    service.clock.now = LATER
    retractions = Retractions(service.database, service.models, service.clock)
    await service.ingest(event("u1"), event("u2"))
    plan = await retractions.plan(EventFilter(name="Demo Requested"))
    assert [each.lead.id for each in plan.effects] == [second]
    made = (await retractions.create(EventFilter(name="Page Viewed"), "a test", "admin")).retraction.id
    with capture_logs() as lines:
        await work_off(service.database, service.models, service.id, service.clock, lambda *_: True)
    assert {line["lead"] for line in lines if line["event"] == "lead can't be evaluated"} == {str(first)}
    assert (await retractions.get(made)).extent.events == 1


async def test_old_events_of_others_are_deleted(service: Service) -> None:
    first, _, event_id = await two_visitors(service)
    with capture_logs() as lines:
        await delete_old_events(service.database, service.models, LATER, LATER, lambda *_: True)
    assert [line["lead"] for line in lines] == [str(first)]
    async with service.database.read() as connection:
        assert list((await connection.execute(select(events.c.id))).scalars()) == [event_id]


@pytest.mark.parametrize("limit", [1, 100])
async def test_its_lead_can_be_erased(service: Service, limit: int) -> None:
    first, second, _ = await two_visitors(service)
    async with service.database.write() as connection:
        assert not await delete_events(connection, service.models, first, limit)
    await erase_lead(service.database, service.models, first, NOW)
    async with service.database.read() as connection:
        assert list((await connection.execute(select(leads.c.id))).scalars()) == [second]
        assert len((await connection.execute(select(events.c.id))).all()) == 1


async def test_a_split_names_the_lead_and_the_event(service: Service) -> None:
    made = event("u1", "a1"), event("a1", name="Page Viewed")
    await service.ingest(*made)
    lead_id = (await service.lead("u1")).lead.id
    await damage_event(service.database, made[1].id)
    with pytest.raises(DamagedLead, match=refusal(lead_id, made[1].id)):
        await split_lead(service.database, service.models, lead_id, who("a1"), NOW, dry_run=True)


async def test_it_costs_only_its_own_leads_new_messages(service: Service) -> None:
    await two_visitors(service)
    await service.publish(PRICING)
    with pytest.raises(UnreadableLead):
        await service.ingest(event("u1"), event("u2"))
    assert (await service.lead("u2")).lead.facts.event_count == 2


async def test_the_sources_of_identities_are_shown_without_it(service: Service) -> None:
    first, _, event_id = await two_visitors(service)
    with capture_logs() as lines:
        found = await read_lead_identities(service.database, first, None, 10)
    assert ([each.source for each in found.items], [line["row"] for line in lines]) == ([None], [str(event_id)])
