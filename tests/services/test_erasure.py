"""Erasure: nothing of a person is left, nothing of anybody else is touched, and the feed says so."""

import asyncio
from dataclasses import astuple
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from uuid_utils.compat import uuid7

from app.errors import NotFound
from app.scoring.accounts import AccountKey
from app.services.erasure import delete_events, erase_found, erase_lead, search_mentions
from app.services.ingest import store
from app.services.links import split_lead
from app.services.models import retry_on_conflict
from app.services.retracting import work_off
from app.services.retractions import EventFilter, Retractions
from app.storage import erasure as erasure_store
from app.storage import mentions as mention_store
from app.storage import rejections as rejection_store
from app.storage.db import Database
from app.storage.events import LONGEST_WRITE
from app.storage.rejections import Rejection
from app.storage.tables import metadata
from tests.services.damage import damage
from tests.services.feeds import read_all
from tests.services.harness import NOW, Clock, Service, alias, event, serving, small_model, who
from tests.services.people import people_of
from tests.services.rebuild import event_log, stored
from tests.services.senders import Sender
from tests.services.test_concurrency import until_a_lock_is_waited_for

TOKEN = "7f1e0c"


def planted(*keys: str, **fields: Any) -> Any:
    """An event with the token in all that a client chooses."""
    marked = {f"name {TOKEN}": f"value {TOKEN}"}
    return event(
        *(f"{key}{TOKEN}" for key in keys),
        message_id=f"{TOKEN}-{uuid7()}",
        properties=marked,
        context=marked,
        traits=marked,
        **fields,
    )


async def dump(database: Database) -> dict[str, str]:
    """Every table's rows as text, whole (the text of a result is shortened)."""
    async with database.read() as connection:
        found = {table.name: await connection.execute(select(table)) for table in metadata.sorted_tables}
        return {name: repr([tuple(row) for row in rows]) for name, rows in found.items()}


async def tables_with_token(service: Service) -> set[str]:
    return {name for name, rows in (await dump(service.database)).items() if TOKEN in rows}


async def reject(service: Service, key: str = f"user_id:u1{TOKEN}", at: datetime = NOW) -> None:
    """A message of the person that was refused."""
    rejection = Rejection(uuid7(), "site", at, "code", "detail", f"m{TOKEN}", f'["{key}"]', identities=[key])
    async with service.database.write() as connection:
        await rejection_store.insert(connection, [rejection])


async def test_nothing_of_a_person_is_left_in_any_table(sender: Sender) -> None:
    service = sender.service
    webhook = await sender.subscribe()
    await service.ingest(planted("u1", "e1@x", "a1"), planted("u2"), planted("a1", name="Feature Used"))
    await service.ingest(alias(f"u1{TOKEN}", f"u2{TOKEN}", message_id=TOKEN))
    await sender.deliver(webhook)
    await reject(service)
    expected = {"leads", "identities", "former_identities", "events", "rejections", "commits", "deliveries"}
    assert await tables_with_token(service) == expected
    await erase_lead(service.database, service.models, await lead_of(service, f"u2{TOKEN}"), NOW)
    assert await tables_with_token(service) == set()


async def lead_of(service: Service, key: str) -> UUID:
    return (await service.lead(key)).lead.id


async def test_nothing_of_anybody_else_is_touched(service: Service) -> None:
    await service.ingest(event("u1", "a1"), event("u2", "e2@x"), event("a3"))
    everybody = await stored(service.database)
    await erase_lead(service.database, service.models, await lead_of(service, "u1"), NOW)
    left = await stored(service.database)
    assert everybody.keys() - left.keys() == {("anonymous_id:a1", "user_id:u1")}
    assert left == {person: row for person, row in everybody.items() if person in left}


async def test_the_feed_says_it_of_each_id_that_referred_to_the_person(service: Service) -> None:
    await service.ingest(event("u1"), event("u2"))
    retired, survivor = [await lead_of(service, key) for key in ("u2", "u1")]
    await service.ingest(alias("u1", "u2"))
    end = (await service.feed.bounds()).last
    await erase_lead(service.database, service.models, retired, NOW)
    changes = [change for _, change in await read_all(service.feed, after=end)]
    assert {(change.type, change.lead_id) for change in changes} == {
        ("lead.erased", retired),
        ("lead.erased", survivor),
    }
    assert all(change.data == {} for change in changes)


async def test_an_erased_person_starts_over(service: Service) -> None:
    await service.ingest(event("u1"))
    first = await lead_of(service, "u1")
    await erase_lead(service.database, service.models, first, NOW)
    assert await service.leads.lookup(who("u1"), NOW) == [None]
    await service.ingest(event("u1"))
    view = await service.lead("u1")
    assert (view.lead.id != first, view.lead.facts.event_count) == (True, 1)


async def test_other_peoples_events_forget_whom_they_named(service: Service) -> None:
    """An anonymous id of the erased person, from a shared browser, must not become theirs in a rebuild."""
    await service.ingest(event("u1", "a1"), event("u2", "a1"), event("u2", "a2"))
    await erase_lead(service.database, service.models, await lead_of(service, "u1"), NOW)
    log = await event_log(service.database)
    assert [[str(each) for each in logged.identities] for logged in log] == [
        ["user_id:u2"],
        ["user_id:u2", "anonymous_id:a2"],
    ]
    assert list(await stored(service.database)) == [tuple(sorted(map(str, person))) for person in people_of(log)]


async def test_retracted_events_are_erased_too(service: Service) -> None:
    await service.ingest(event("u1", message_id="m1"), event("u2"))
    service.clock.now = NOW + timedelta(days=1)
    retractions = Retractions(service.database, service.models, service.clock)
    await retractions.create(EventFilter(message_ids=["m1"]), "wrong", "admin")
    for clock in (service.clock, Clock(service.clock.now + LONGEST_WRITE)):
        await work_off(service.database, service.models, service.id, clock, lambda *_: True)
    await erase_lead(service.database, service.models, await lead_of(service, "u1"), service.clock.now)
    tables = await dump(service.database)
    assert (tables["retracted_events"], "m1" in "".join(tables.values())) == ("[]", False)


async def test_a_webhook_that_lags_behind_tells_what_is_left(sender: Sender) -> None:
    webhook = await sender.subscribe(frozenset({"lead.created", "lead.erased"}))
    await sender.service.ingest(event("u1", "e1@x"))
    await erase_lead(sender.service.database, sender.service.models, await lead_of(sender.service, "u1"), NOW)
    await sender.deliver(webhook)
    assert [body["type"] for body in sender.bodies()] == ["lead.created", "lead.erased"]
    assert not any("identities" in body for body in sender.bodies())


async def test_a_damaged_lead_can_be_erased(service: Service) -> None:
    await service.ingest(planted("u1", "e1@x"), event("u2"))
    lead_id = await lead_of(service, f"u1{TOKEN}")
    await damage(service.database, lead_id)
    await erase_lead(service.database, service.models, lead_id, NOW)
    assert await tables_with_token(service) == set()


async def test_a_lead_with_many_events_is_erased_in_chunks_that_each_leave_it_exact(service: Service) -> None:
    """An erasure that is interrupted has changed nothing but the log, and can be repeated."""
    await service.ingest(*(planted("u1", "a1") for _ in range(3)), *(planted("u1", type="group") for _ in range(4)))
    lead_id, before = await lead_of(service, f"u1{TOKEN}"), await stored(service.database)
    async with service.database.write() as connection:
        assert await delete_events(connection, service.models, lead_id, 3)
    assert (await stored(service.database), len(await event_log(service.database))) == (before, 4)
    await erase_lead(service.database, service.models, lead_id, NOW, chunk=2)
    assert await tables_with_token(service) == set()


async def test_a_lead_that_was_merged_of_very_many_is_erased(service: Service) -> None:
    """More than 1,000 ids: SQLite refuses deeper expressions, and drivers so many parameters."""
    visitors = [f"a{number}" for number in range(1_001)]
    await service.ingest(*map(event, visitors))
    await service.ingest(*(event("u1", each) for each in visitors))
    await erase_lead(service.database, service.models, await lead_of(service, "a0"), NOW)
    assert await stored(service.database) == {}


async def test_what_is_stored_after_a_search_is_found_beside_it(service: Service) -> None:
    """The last transaction reads only what is new, and misses nothing."""
    await service.ingest(event("u1", "a1"), event("u2", "a1"), *(event(f"u{number}") for number in range(3, 9)))
    await reject(service, "user_id:u1")
    await service.feed.number()
    service.clock.now = NOW + timedelta(hours=1)
    search = await search_mentions(service.database, who("u1")[0], service.clock.now, rows=2)
    await service.ingest(event("u3", "a1"), event("u1"))
    await service.feed.number()
    await service.ingest(event("u4", "a1"), event("u1"))
    await reject(service, "anonymous_id:a1", service.clock.now)
    async with service.database.read() as connection:
        later = await mention_store.search_since(connection, search.person, search.start)
    everything = (await search_mentions(service.database, who("u1")[0], service.clock.now)).found
    for early, late, found in zip(*map(astuple, (search.found, later, everything)), strict=True):
        assert (set(early) | set(late), set(early) & set(late)) == (set(found), set())
        assert early
        assert late


async def test_two_erasures_of_people_in_one_event_remove_both(postgres_url: str) -> None:
    async with serving(postgres_url, small_model()) as service:
        await service.ingest(event("u1", "a1"), event("u2", "a2"), event("u3", "a1", "a2"))
        first = await search_mentions(service.database, who("u1")[0], NOW)
        async with service.database.write() as connection:
            await mention_store.remove(connection, first.person, first.found)
            second = asyncio.create_task(erase_lead(service.database, service.models, who("u2")[0], NOW))
            await until_a_lock_is_waited_for(service.database)
        await second
        log = await event_log(service.database)
        assert [list(map(str, each.identities)) for each in log] == [["user_id:u1", "anonymous_id:a1"], ["user_id:u3"]]


async def test_nobody_is_erased_whose_identity_moves_while_the_erasure_waits(postgres_url: str) -> None:
    async with serving(postgres_url, small_model()) as service:
        await service.ingest(event("u1", "a1"), event("a1"))
        (visitor,), lead_id = who("a1"), await lead_of(service, "u1")
        search = await search_mentions(service.database, visitor, NOW)
        async with service.database.write() as connection:
            await erasure_store.lock(connection, lead_id)
            splitting = asyncio.create_task(
                split_lead(service.database, service.models, lead_id, [visitor], NOW, dry_run=False)
            )
            await until_a_lock_is_waited_for(service.database)
            erase = partial(
                erase_found, models=service.models, wanted=visitor, search=search, now=NOW, suppressions=None
            )
            erasing = asyncio.create_task(retry_on_conflict(service.database, erase))
            await until_a_lock_is_waited_for(service.database, 2)
        await splitting
        assert not await erasing  # another search is needed: the identity has another lead
        assert len(await stored(service.database)) == 2
        await erase_lead(service.database, service.models, visitor, NOW)
        assert list(await stored(service.database)) == [("user_id:u1",)]


async def test_a_lead_that_joins_an_account_while_an_erasure_waits_leaves_that_one(postgres_url: str) -> None:
    async with serving(postgres_url, small_model()) as service:
        await service.ingest(event("u1", type="group", properties={"groupId": "acme"}))
        search = await search_mentions(service.database, who("u1")[0], NOW)
        erase = partial(erase_found, models=service.models, wanted=who("u1")[0], search=search, now=NOW)
        joins = event("u1", type="group", properties={"groupId": "globex"}, at=NOW)
        async with service.database.write() as connection:
            await store(connection, service.models, [joins], NOW)
            erasing = asyncio.create_task(retry_on_conflict(service.database, partial(erase, suppressions=None)))
            await until_a_lock_is_waited_for(service.database)
        assert await erasing
        left = [each.data for _, each in await read_all(service.feed, after=0) if each.type == "lead.account_changed"]
        assert left[-1] == {"from": str(AccountKey("group", "globex").id), "to": None}


async def test_an_unknown_lead_is_not_found(service: Service) -> None:
    with pytest.raises(NotFound):
        await erase_lead(service.database, service.models, UUID(int=0), NOW)


async def test_events_that_arrive_meanwhile_are_kept_with_a_new_lead_or_erased(
    service: Service, database_url: str
) -> None:
    """However an erasure and events interleave, links and leads belong together, and no event is without a lead."""
    async with serving(database_url) as other:
        for number in range(10):
            await service.ingest(event("u1", "e1@x"))
            erasing = erase_lead(service.database, service.models, await lead_of(service, "u1"), NOW)
            sending = (each.ingest(event("u1"), event("u1", f"a{number}")) for each in (service, other))
            await asyncio.gather(erasing, *sending)
            leads = await stored(service.database)  # fails for a lead without a link, or a link without a lead
            counted = sum(row["event_count"] for row in leads.values())
            assert counted == len(await event_log(service.database))
