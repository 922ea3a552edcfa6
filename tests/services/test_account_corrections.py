"""Accounts of leads that are corrected by hand, or deleted by age (see also test_account_laws)."""

from datetime import timedelta

from app.services.links import merge_leads, split_lead
from app.services.retention import delete_anonymous_leads, delete_old_events
from app.services.retracting import work_off
from app.services.retractions import EventFilter, Retractions
from tests.services.feeds import read_all
from tests.services.harness import NOW, Service, event, who
from tests.services.members import traits_stored
from tests.services.test_accounts import ACME, GLOBEX, account, group, listed, person
from tests.services.test_erasure import dump


async def moves(service: Service) -> list[tuple[str | None, str | None]]:
    """From which account to which, for each change in the feed."""
    changes = [change for _, change in await read_all(service.feed) if change.type == "lead.account_changed"]
    return [(change.data["from"], change.data["to"]) for change in changes]


async def work_off_all(service: Service) -> None:
    await work_off(service.database, service.models, service.id, service.clock, lambda *_: True)


async def test_identities_that_are_split_off_take_their_account_along(service: Service) -> None:
    await service.ingest(person("ada@acme.example"), group("globex", "u1"))
    await service.ingest(event("u1", "email:ada@acme.example"))
    lead = (await service.lead("u1")).lead.id
    assert await listed(service) == [str(GLOBEX)]
    split = await split_lead(
        service.database, service.models, lead, who("email:ada@acme.example"), service.clock.now, dry_run=False
    )
    assert sorted(await listed(service)) == [str(ACME), str(GLOBEX)]
    assert (await moves(service))[-1] == (None, str(ACME.id))
    both = [split.separated.lead.id, lead]
    await merge_leads(service.database, service.models, both, service.clock.now, dry_run=False)
    assert await listed(service) == [str(GLOBEX)]
    assert (await moves(service))[-1] == (str(ACME.id), None)


async def test_a_retracted_message_about_a_group_counts_neither_for_it_nor_for_its_lead(service: Service) -> None:
    await service.ingest(person("ada@acme.example", "u1"))
    await service.ingest(group("globex", "u1", name="Globex"))
    retractions = Retractions(service.database, service.models, service.clock)
    service.clock.now += timedelta(seconds=1)
    made = await retractions.create(EventFilter(name="Group Joined"), "wrong", "admin")
    await work_off_all(service)
    assert await traits_stored(service, trusted=False) == {}
    assert await listed(service) == [str(ACME)]
    await retractions.undo(made.retraction.id, "admin")
    await work_off_all(service)
    assert (await account(service, GLOBEX)).traits == {"name": "Globex"}
    assert (await moves(service))[-2:] == [(str(GLOBEX.id), str(ACME.id)), (str(ACME.id), str(GLOBEX.id))]


async def test_a_group_keeps_what_deleted_messages_said(service: Service) -> None:
    await service.ingest(group("globex", "u1", name="Globex"), group("globex", "u2", city="Ulm"))
    later = NOW + timedelta(days=1)
    await delete_old_events(service.database, service.models, later, later, lambda *_: True, chunk=1)
    assert (await account(service, GLOBEX)).traits == {"name": "Globex", "city": "Ulm"}
    await service.ingest(group("globex", "u2", seats=3))
    retractions = Retractions(service.database, service.models, service.clock)
    service.clock.now += timedelta(seconds=1)
    await retractions.create(EventFilter(source="website"), "wrong", "admin")
    await work_off_all(service)
    assert (await account(service, GLOBEX)).traits == {"name": "Globex", "city": "Ulm"}


async def test_an_anonymous_lead_that_is_deleted_leaves_its_account_with_what_it_said(service: Service) -> None:
    await service.ingest(group("globex", "a-visitor", name="Globex"), group("globex", "u1", city="Ulm"))
    visitor = (await service.lead("a-visitor")).lead.id
    assert (await account(service, GLOBEX)).account.rollup.leads == 2
    later = NOW + timedelta(days=1)
    await delete_old_events(service.database, service.models, later, later, lambda *_: True)
    await delete_anonymous_leads(service.database, later.date(), later, lambda _: True)
    found = await account(service, GLOBEX)
    assert (found.account.rollup.leads, found.traits) == (1, {"city": "Ulm"})
    assert "a-visitor" not in (await dump(service.database))["group_summaries"]
    left = [change.lead_id for _, change in await read_all(service.feed) if change.type == "lead.account_changed"]
    assert left[-1] == visitor
