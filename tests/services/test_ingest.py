"""The writer: shared commits, answers after the commit, limits, closing, and failures."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url
from uuid_utils.compat import uuid7

from app.errors import Unavailable
from app.services.writer import Receipt, Writer
from app.storage import rejections as rejection_store
from app.storage.db import Database
from app.storage.rejections import Rejection, RejectionFilter
from app.storage.tables import events
from tests.databases import execute
from tests.services.harness import NOW, Service, event, running, serving, small_model
from tests.services.rebuild import event_log


def rejection() -> Rejection:
    return Rejection(uuid7(), "website", NOW, "validation-error", "`event` is missing.", None, "{}")


async def count_events(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(events))).scalar_one()


async def until_blocked() -> None:
    """Run all other tasks until each of them waits for something."""
    for _ in range(10):
        await asyncio.sleep(0)


# --- Group commit -----------------------------------------------------------------------------------------------


async def test_waiting_submissions_share_one_commit(service: Service) -> None:
    receipts = await asyncio.gather(*(service.ingest(event(f"u{number}")) for number in range(50)))
    assert receipts == [Receipt(1, 0, frozenset())] * 50
    assert service.measured("leadscore_commit_messages_count") == 1
    assert service.measured("leadscore_commit_messages_sum") == 50


async def test_a_commit_is_limited_to_its_maximum_of_messages(service: Service) -> None:
    writer = service.new_writer(commit_messages=10)
    waiting = [asyncio.create_task(writer.submit([event("u1") for _ in range(4)])) for _ in range(5)]
    await until_blocked()
    async with running(writer):
        await asyncio.gather(*waiting)
    assert service.measured("leadscore_commit_messages_count") == 3  # 8, 8 and 4 messages
    assert await count_events(service.database) == 20


async def test_a_submission_is_never_split(service: Service) -> None:
    writer = service.new_writer(commit_messages=10)
    async with running(writer):
        await writer.submit([event("u1") for _ in range(25)])
    assert service.measured("leadscore_commit_messages_count") == 1


async def test_a_submission_is_answered_after_its_commit(service: Service, database_url: str) -> None:
    other = Database(database_url)
    for number in range(1, 6):
        await service.ingest(event("u1"))
        assert await count_events(other) == number
    await other.close()


async def test_rejections_are_stored_in_the_same_commit(service: Service) -> None:
    refused = rejection()
    receipt = await service.writer.submit([event("u1")], [refused])
    async with service.database.read() as connection:
        assert await rejection_store.page(connection, RejectionFilter(), None, 10) == [refused]
    assert receipt == Receipt(1, 0, frozenset())


async def test_an_empty_submission_is_answered(service: Service) -> None:
    assert await service.ingest() == Receipt(0, 0, frozenset())


async def test_those_who_send_again_when_answered_share_a_commit(service: Service) -> None:
    async def send(sender: int) -> None:
        for number in range(5):
            await service.ingest(event(f"u{sender}", message_id=f"{sender}-{number}"))

    await asyncio.gather(*map(send, range(8)))
    assert service.measured("leadscore_commit_messages_count") == 5


async def test_a_lone_sender_is_never_kept_waiting(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    sleep = asyncio.sleep

    async def noting(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr("app.services.writer.asyncio.sleep", noting)
    for number in range(3):
        await service.ingest(event("u1", message_id=f"m{number}"))
    assert 0.001 not in waits


# --- Duplicates -------------------------------------------------------------------------------------------------


async def test_a_message_twice_in_one_submission_is_stored_once(service: Service) -> None:
    twice = [event("u1", message_id="m1", name=name) for name in ("First", "Second")]
    assert await service.ingest(*twice) == Receipt(1, 1, frozenset())
    assert [each.name for each in await event_log(service.database)] == ["First"]


async def test_a_message_in_two_submissions_of_one_commit_is_stored_once(service: Service) -> None:
    receipts = await asyncio.gather(*(service.ingest(event("u1", message_id="m1")) for _ in range(3)))
    assert receipts == [Receipt(1, 0, frozenset()), *[Receipt(0, 1, frozenset())] * 2]
    assert service.measured("leadscore_commit_messages_count") == 1


async def test_a_message_id_counts_once_per_source(service: Service) -> None:
    for source in ("website", "product"):
        assert await service.ingest(event("u1", message_id="m1", source=source)) == Receipt(1, 0, frozenset())
    assert (await service.lead("u1")).lead.facts.event_count == 2


async def test_a_duplicate_links_no_identities(service: Service) -> None:
    await service.ingest(event("u1", message_id="m1"))
    await service.ingest(event("u1", "a1", message_id="m1"))
    assert (await service.lead("u1")).identities["anonymous_id"] == []


# --- Bounds and the end -----------------------------------------------------------------------------------------


async def test_a_full_queue_refuses_submissions(service: Service) -> None:
    writer = service.new_writer(queue_messages=3)
    waiting = asyncio.create_task(writer.submit([event("u1"), event("u2")], [rejection()]))
    await until_blocked()
    with pytest.raises(Unavailable, match="Too many messages") as refused:
        await writer.submit([event("u3")])
    assert refused.value.retry_after_s == 2
    async with running(writer):
        assert (await waiting).accepted == 2
        assert (await writer.submit([event("u3")])).accepted == 1


async def test_the_queue_depth_is_measured(service: Service) -> None:
    writer = service.new_writer()
    waiting = asyncio.create_task(writer.submit([event("u1"), event("u2")]))
    await until_blocked()
    assert service.measured("leadscore_queue_messages") == 2
    async with running(writer):
        await waiting
    assert service.measured("leadscore_queue_messages") == 0


async def test_queued_submissions_are_committed_when_the_writer_closes(service: Service) -> None:
    writer = service.new_writer(commit_messages=2)
    waiting = [asyncio.create_task(writer.submit([event(f"u{number}")])) for number in range(7)]
    await until_blocked()
    writer.close()
    await writer.run()
    assert [(await each).accepted for each in waiting] == [1] * 7
    assert await count_events(service.database) == 7


async def test_a_closed_writer_refuses_submissions(service: Service) -> None:
    service.writer.close()
    with pytest.raises(Unavailable, match="shutting down"):
        await service.ingest(event("u1"))


async def test_a_client_that_disconnects_affects_no_other(service: Service) -> None:
    writer = service.new_writer()
    leaving, staying = (asyncio.create_task(writer.submit([event(key)])) for key in ("u1", "u2"))
    await until_blocked()
    leaving.cancel()
    async with running(writer):
        assert (await staying).accepted == 1
    assert await count_events(service.database) == 2


# --- Values that can't be stored --------------------------------------------------------------------------------


POISON = {
    "a lone surrogate in a property": {"properties": {"x": "\ud800"}},
    "a lone surrogate in the name": {"name": "\ud800"},
    "an integer beyond 64 bits": {"traits": {"size": 2**70}},
}


@pytest.mark.parametrize("fields", POISON.values(), ids=POISON.keys())
async def test_a_value_that_cannot_be_stored_costs_only_its_own_message(
    service: Service, fields: dict[str, Any]
) -> None:
    batch = [event(f"u{number}") for number in range(499)]
    poison = event("u1", **fields)
    assert await service.ingest(*batch[:300], poison, *batch[300:]) == Receipt(499, 0, frozenset({poison.id}))
    assert await count_events(service.database) == 499


async def test_other_messages_beside_a_nul_are_stored_on_postgres(postgres_url: str) -> None:
    async with serving(postgres_url, small_model()) as service:
        batch = [event(f"u{number}", message_id=f"m{number}") for number in range(500)]
        batch[123] = event("u123", message_id="m\0")
        assert await service.ingest(*batch) == Receipt(499, 0, frozenset({batch[123].id}))
        assert [each.id for each in await event_log(service.database)] == [
            each.id for each in batch if each is not batch[123]
        ]


async def test_a_poisonous_submission_does_not_affect_others_in_its_commit(service: Service) -> None:
    poison = event("u2", properties={"x": "\ud800"})
    receipts = await asyncio.gather(*(service.ingest(each) for each in (event("u1"), poison, event("u3"))))
    assert receipts[1] == Receipt(0, 0, frozenset({poison.id}))
    assert receipts[::2] == [Receipt(1, 0, frozenset())] * 2


async def test_a_poisonous_message_submitted_with_a_rejection_is_found(service: Service) -> None:
    poison, refused = event("u1", properties={"x": "\ud800"}), rejection()
    receipt = await service.writer.submit([poison], [refused])
    assert receipt == Receipt(0, 0, frozenset({poison.id}))
    async with service.database.read() as connection:
        assert await rejection_store.page(connection, RejectionFilter(), None, 10) == [refused]


async def test_an_unexpected_failure_costs_only_its_own_submission(postgres_url: str) -> None:
    refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'"
    trigger = "CREATE TRIGGER t BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.name = 'Odd') EXECUTE FUNCTION refuse()"
    async with serving(postgres_url, small_model()) as service:
        async with service.database.write() as connection:
            await connection.execute(text(refuse))
            await connection.execute(text(trigger))
        many = [event(f"u{number}") for number in range(20)]
        many[1], many[5] = event("u1", properties={"x": "\ud800"}), event("u5", name="Odd")
        answers = await asyncio.gather(*(service.ingest(each) for each in many), return_exceptions=True)
        assert isinstance(answers.pop(5), Exception)
        assert answers.pop(1) == Receipt(0, 0, frozenset({many[1].id}))
        assert answers == [Receipt(1, 0, frozenset())] * 18
        assert await count_events(service.database) == 18


async def test_a_writer_cancelled_mid_commit_leaves_nobody_waiting(service: Service) -> None:
    calls = iter([ZeroDivisionError, asyncio.CancelledError])

    def clock() -> datetime:
        raise next(calls)

    writer = Writer(service.database, service.models, service.metrics, clock)
    waiting = [asyncio.ensure_future(writer.submit([event(f"u{number}")])) for number in range(4)]
    await until_blocked()
    with suppress(asyncio.CancelledError):
        await writer.run()
    answers = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
    assert [type(answer) for answer in answers] == [Unavailable] * 4


# --- Databases that go away -------------------------------------------------------------------------------------


async def test_the_writer_survives_a_lost_connection(postgres_url: str, postgres_server: str) -> None:
    name = make_url(postgres_url).database
    async with serving(postgres_url, small_model()) as service:
        await service.ingest(event("u1"))
        kill = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
        await asyncio.to_thread(execute, postgres_server, kill)
        with suppress(Unavailable):  # the lost connection may not have been noticed yet
            await service.ingest(event("u1", message_id="lost"))
        assert (await service.ingest(event("u1", message_id="lost"))).refused == frozenset()
        assert await count_events(service.database) == 2


async def test_the_writer_survives_a_locked_sqlite(sqlite_url: str) -> None:
    async with serving(sqlite_url, small_model()) as service:
        await service.database.close()  # new connections then have the short lock timeout set here:
        sqlalchemy_event.listen(service.database.engine.sync_engine, "connect", _impatient)
        other = Database(sqlite_url)
        async with other.write():
            with pytest.raises(Unavailable):
                await service.ingest(event("u1"))
        assert await service.ingest(event("u1")) == Receipt(1, 0, frozenset())
        await other.close()


def _impatient(connection: Any, _entry: Any) -> None:
    connection.cursor().execute("PRAGMA busy_timeout = 1")


async def test_every_submission_of_a_failed_commit_gets_the_error(service: Service, database_url: str) -> None:
    async with serving(database_url) as other:
        other.writer._database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nowhere")
        failed = await asyncio.gather(*(other.ingest(event("u1")) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in failed] == [Unavailable] * 3
    assert await count_events(service.database) == 0
