"""Suppressions: an erased person stays out, whichever process gets the events, until somebody lets them in again."""

import asyncio
from dataclasses import replace

import pytest
from uuid_utils.compat import uuid7

from app.errors import NotFound, ValidationFailed
from app.services.erasure import erase_lead
from app.services.suppressions import Suppressions
from app.storage import erasure as erasure_store
from app.storage.rejections import Rejection
from tests.services.harness import NOW, Service, event, serving, small_model, who
from tests.services.rebuild import event_log, stored
from tests.services.test_concurrency import until_a_lock_is_waited_for
from tests.services.test_erasure import dump
from tests.services.test_lookback import lead_id

METRIC = "leadscore_suppressed_events_total"


async def suppress(service: Service, key: str) -> None:
    await erase_lead(service.database, service.models, await lead_id(service, key), NOW, service.suppressions)


def refused(identity: str) -> Rejection:
    return Rejection(uuid7(), "site", NOW, "code", "detail", None, "secret", identities=[identity])


async def test_later_events_of_any_of_the_identities_are_dropped_and_counted(service: Service) -> None:
    await service.ingest(event("u1", "e1@x", "a1"), event("u2"))
    everybody = await stored(service.database)
    await suppress(service, "u1")
    receipt = await service.ingest(event("u1"), event("a1"), event("u2", "a1"), event("u3", "e1@x"))
    left = await stored(service.database)
    assert left == {person: row for person, row in everybody.items() if person == ("user_id:u2",)}
    assert (receipt.accepted, service.measured(METRIC)) == (4, 4)


async def test_a_message_of_somebody_who_objects_is_no_duplicate_when_it_comes_again(service: Service) -> None:
    sent = event("u1")
    await service.ingest(sent)
    await service.suppressions.suppress(who("u1"), NOW)
    receipt = await service.ingest(replace(sent, id=uuid7()))
    assert (receipt.duplicates, service.measured(METRIC)) == (0, 1)


async def test_refused_messages_are_not_kept_either(service: Service) -> None:
    await service.ingest(event("u1"))
    await suppress(service, "u1")
    await service.writer.submit([], [refused("user_id:u1")])
    assert (await dump(service.database))["rejections"] == "[]"


async def test_other_processes_drop_repeated_and_refused_messages_at_once(service: Service, database_url: str) -> None:
    sent = event("u1")
    async with serving(database_url) as other:
        await other.ingest(sent)
        await service.suppressions.suppress(who("u1"), NOW)
        receipt = await other.ingest(replace(sent, id=uuid7()))
        assert (receipt.duplicates, other.measured(METRIC)) == (0, 1)
        await service.suppressions.suppress(who("u2"), NOW)
        await other.writer.submit([], [refused("user_id:u2")])
    assert (await dump(service.database))["rejections"] == "[]"


async def test_no_identity_can_be_read_from_the_database(service: Service) -> None:
    await service.ingest(event("u1-wxyz"))
    await suppress(service, "u1-wxyz")
    await service.ingest(event("u1-wxyz"))
    assert "wxyz" not in "".join((await dump(service.database)).values())
    [suppression] = (await service.suppressions.page(None, 5)).items
    other = Suppressions(service.database, "another secret, which is as long")
    assert suppression.secret_id == service.suppressions.secret_id != other.secret_id
    with pytest.raises(NotFound):
        await other.remove_by_identity(who("u1-wxyz")[0])


async def test_a_person_is_let_in_again(service: Service) -> None:
    await service.ingest(event("u1"), event("u2"))
    for key in ("u1", "u2"):
        await suppress(service, key)
    await service.suppressions.remove_by_identity(who("u1")[0])
    [left] = (await service.suppressions.page(None, 5)).items
    await service.suppressions.remove(left.id)
    await service.ingest(event("u1"), event("u2"))
    assert len(await event_log(service.database)) == 2
    with pytest.raises(NotFound):
        await service.suppressions.remove(left.id)


async def test_a_person_who_is_erased_twice_is_suppressed_once(service: Service) -> None:
    await service.ingest(event("u1"))
    await suppress(service, "u1")
    await service.suppressions.remove_by_identity(who("u1")[0])
    await service.ingest(event("u1", "a1"))
    await suppress(service, "u1")
    assert len((await service.suppressions.page(None, 5)).items) == 2


async def test_other_processes_drop_events_from_the_moment_of_the_erasure(service: Service, database_url: str) -> None:
    async with serving(database_url) as other:
        await other.ingest(event("u2"))
        for number in range(5):
            await service.ingest(event(f"u1-{number}"))
            erasing = suppress(service, f"u1-{number}")
            await asyncio.gather(erasing, *(each.ingest(event(f"u1-{number}")) for each in (service, other, other)))
            await other.ingest(event(f"u1-{number}"))
    assert list(await stored(service.database)) == [("user_id:u2",)]


async def test_a_suppression_that_is_committed_late_is_not_overlooked(postgres_url: str) -> None:
    """Another one, begun later, must not become the newest while the first is not visible yet."""
    async with serving(postgres_url, small_model()) as service, serving(postgres_url) as other:
        await service.ingest(event("u1"))
        lead = await lead_id(service, "u1")
        async with service.database.write() as erasing:
            await erasure_store.lock(erasing, lead)
            await service.suppressions.add(erasing, who("u1"), NOW)
            overtaking = asyncio.create_task(other.suppressions.suppress(who("u2"), NOW))
            await asyncio.wait(
                [overtaking, asyncio.create_task(until_a_lock_is_waited_for(service.database))],
                return_when=asyncio.FIRST_COMPLETED,
            )
            sending = asyncio.create_task(other.ingest(event("u1")))
            await until_a_lock_is_waited_for(service.database, 1 if overtaking.done() else 2)
            await erasure_store.delete_rows(erasing, [lead], ["user_id:u1"])
        await asyncio.gather(overtaking, sending)
        assert await stored(service.database) == {}


async def test_without_a_secret_nobody_is_suppressed_and_nothing_erased(service: Service) -> None:
    await service.ingest(event("u1"))
    with pytest.raises(ValidationFailed, match="LEADSCORE_SUPPRESSION_SECRET"):
        await erase_lead(
            service.database, service.models, await lead_id(service, "u1"), NOW, Suppressions(service.database, None)
        )
    assert len(await stored(service.database)) == 1


async def test_without_a_secret_nobody_can_be_found_to_be_let_in(service: Service) -> None:
    with pytest.raises(ValidationFailed, match="LEADSCORE_SUPPRESSION_SECRET"):
        await Suppressions(service.database, None).remove_by_identity(who("u1")[0])


async def test_somebody_who_is_not_known_yet_is_kept_out_with_all_that_they_are_named_with(service: Service) -> None:
    await service.ingest(event("u2"))
    made = await service.suppressions.suppress(who("u1", "e1@x"), NOW)
    again = await service.suppressions.suppress(who("u1"), NOW)
    assert (len(made), len(again), again[0] in made) == (2, 1, True)
    await service.ingest(event("u1", "a1"), event("a2", "e1@x"), event("u2"), event("a1"))
    assert {person: row["event_count"] for person, row in (await stored(service.database)).items()} == {
        ("user_id:u2",): 2,
        ("anonymous_id:a1",): 1,
    }


async def test_a_lead_that_has_a_suppressed_identity_stays_as_it_is(service: Service) -> None:
    await service.ingest(event("u1"))
    before = await stored(service.database)
    await service.suppressions.suppress(who("u1"), NOW)
    await service.ingest(event("u1"))
    assert await stored(service.database) == before
