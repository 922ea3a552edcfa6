"""Deliveries: attempted until they succeed or are given up, and sent again on request."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.documents.webhooks import render_message
from app.errors import NotFound
from app.services.deliveries import CLAIM, MAX_TURNS, Deliveries, Delivery, DeliveryFilter
from app.storage import deliveries as delivery_store
from app.storage import webhooks as webhook_store
from app.storage.db import Database
from app.webhooks.schedule import DELAYS, GIVE_UP_AFTER
from app.webhooks.sending import GuardedBackend, WebhookClient
from tests.services.feeds import read_all
from tests.services.harness import NOW, Service, event, serving, small_model
from tests.services.senders import STAGES, Sender, sending
from tests.webhooks.receivers import always, answer

# --- Attempts ---------------------------------------------------------------------------------------------------


async def test_a_failure_is_attempted_again_by_the_schedule_and_then_dead(failing: Sender) -> None:
    webhook = await failing.subscribe(STAGES)
    await failing.service.ingest(event("u1"))
    clock, ids = failing.service.clock, set[UUID]()
    for attempts, delay in enumerate(DELAYS, start=1):
        [failed] = await failing.deliver(webhook)
        ids.add(failed.change_id)
        assert (failed.state, failed.attempts, failed.next_attempt_at) == ("pending", attempts, clock.now + delay)
        clock.now += delay - timedelta(seconds=1)
        assert await failing.deliver(webhook) == []
        clock.now += timedelta(seconds=1)
    [dead] = await failing.deliver(webhook)
    assert (dead.state, dead.attempts, dead.next_attempt_at) == ("dead", 8, None)
    assert (dead.status, dead.answer) == (500, "no\N{REPLACEMENT CHARACTER}no")
    assert await failing.stored(state="dead") == [dead]
    assert len(ids) == 1
    assert len({body["id"] for body in failing.bodies()}) == 1


async def test_a_receiver_can_ask_for_more_time(service: Service) -> None:
    async with sending(service, always("429 Slow", headers="Retry-After: 600\r\n")) as sender:
        webhook = await sender.subscribe(STAGES)
        await service.ingest(event("u1"))
        [failed] = await sender.deliver(webhook)
        assert failed.next_attempt_at == NOW + timedelta(minutes=10)


async def test_the_delay_begins_when_an_attempt_ends(service: Service) -> None:
    async def slow(_request: bytes, writer: Any) -> None:
        service.clock.now += timedelta(seconds=15)
        writer.write(answer("503 Busy", headers="Retry-After: 10\r\n"))

    async with sending(service, slow) as sender:
        webhook = await sender.subscribe(STAGES)
        await service.ingest(event("u1"))
        [failed] = await sender.deliver(webhook)
        assert (failed.attempted_at, failed.next_attempt_at) == (NOW, NOW + timedelta(seconds=15 + 10))


async def test_a_process_that_dies_leaves_its_claims_to_others(sender: Sender) -> None:
    webhook = await sender.subscribe(STAGES)
    await sender.service.ingest(event("u1"))
    await sender.service.feed.number()
    turn = await sender.deliveries.take_turn(webhook.id, [], render_message)
    assert turn is not None
    assert len(turn.claimed) == 1
    assert await sender.deliver(webhook) == []
    sender.service.clock.now += CLAIM
    [again] = await sender.deliver(webhook)
    assert again.change_id == turn.claimed[0].change_id


async def test_a_result_that_comes_too_late_changes_nothing(failing: Sender) -> None:
    webhook = await failing.subscribe(STAGES)
    await failing.service.ingest(event("u1"))
    await failing.service.feed.number()
    turn = await failing.deliveries.take_turn(webhook.id, [], render_message)
    assert turn is not None
    late = await failing.deliveries.attempt(turn.webhook, turn.claimed[0])
    failing.service.clock.now += CLAIM
    [recorded] = await failing.deliver(webhook)
    await failing.deliveries.record(webhook.id, [late])
    assert await failing.stored() == [recorded]


async def test_a_success_ends_the_failing(service: Service) -> None:
    statuses = iter(["500 Oh", "200 OK"])

    async def answering(_request: bytes, writer: Any) -> None:
        writer.write(answer(next(statuses)))

    async with sending(service, answering) as sender:
        webhook = await sender.subscribe(STAGES)
        await service.ingest(event("u1"))
        await sender.deliver(webhook)
        assert (await sender.webhooks.get(webhook.id)).failing_since == NOW
        service.clock.now += timedelta(seconds=5)
        [delivered] = await sender.deliver(webhook)
        assert delivered.state == "delivered"
        assert (await sender.webhooks.get(webhook.id)).failing_since is None


# --- Disabling --------------------------------------------------------------------------------------------------


async def disabled(sender: Sender) -> list[Mapping[str, Any]]:
    """What the feed says of disabled webhooks."""
    changes = [change for _, change in await read_all(sender.service.feed)]
    return [change.data for change in changes if change.type == "webhook.disabled"]


async def test_a_receiver_that_is_gone_is_disabled(service: Service) -> None:
    async with sending(service, always("410 Gone")) as sender:
        webhook = await sender.subscribe(STAGES)
        await service.ingest(event("u1"))
        await sender.deliver(webhook)
        assert "410" in ((await sender.webhooks.get(webhook.id)).disabled_because or "")
        assert [data["webhook_id"] for data in await disabled(sender)] == [str(webhook.id)]


async def test_a_late_answer_does_not_disable_a_webhook_twice(service: Service) -> None:
    async with sending(service, always("410 Gone")) as sender:
        webhook = await sender.subscribe(STAGES)
        await service.ingest(event("u1"))
        await service.feed.number()
        turn = await sender.deliveries.take_turn(webhook.id, [], render_message)
        assert turn is not None
        late = await sender.deliveries.attempt(turn.webhook, turn.claimed[0])
        by_hand = await sender.webhooks.disable(webhook.id, NOW)
        await sender.deliveries.record(webhook.id, [late])
        assert (await sender.webhooks.get(webhook.id)).disabled_because == by_hand.disabled_because
        assert len(await disabled(sender)) == 1


async def test_five_days_of_failing_disable_and_nothing_is_lost(failing: Sender) -> None:
    webhook = await failing.subscribe(STAGES)
    for hours in range(0, GIVE_UP_AFTER.days * 24 + 1, 12):
        failing.service.clock.now = NOW + timedelta(hours=hours)
        await failing.service.ingest(event(f"u{hours}", at=failing.service.clock.now))
        await failing.deliver(webhook)
        assert bool(await disabled(failing)) == (hours == GIVE_UP_AFTER.days * 24)
    await failing.service.ingest(event("u1"))
    assert await failing.deliver(webhook) == []
    assert webhook.id not in await failing.deliveries.due()
    before = len(failing.receiver.requests)
    await failing.webhooks.enable(webhook.id)
    assert webhook.id in await failing.deliveries.due()
    await failing.deliver(webhook)
    assert len(failing.receiver.requests) > before


async def test_a_webhook_is_disabled_once(sender: Sender) -> None:
    webhook = await sender.subscribe()
    first = await sender.webhooks.disable(webhook.id, NOW)
    assert await sender.webhooks.disable(webhook.id, NOW + timedelta(days=1)) == first
    assert len(await disabled(sender)) == 1


# --- Again ------------------------------------------------------------------------------------------------------


async def test_dead_deliveries_are_counted_and_sent_again(failing: Sender) -> None:
    webhook = await failing.subscribe(STAGES)
    await failing.service.ingest(event("u1"), event("u2"))
    for delay in (timedelta(), *DELAYS):
        failing.service.clock.now += delay
        await failing.deliver(webhook)
    dead = DeliveryFilter(webhook_id=webhook.id, state="dead")
    sent = len(failing.receiver.requests)
    assert (await failing.deliveries.count(dead), sent) == (2, 16)
    assert await failing.deliveries.replay(dead) == 2
    again = await failing.deliver(webhook)
    assert [(each.state, each.attempts) for each in again] == [("pending", 1)] * 2


async def test_a_replay_that_deadlocks_is_repeated(sender: Sender) -> None:
    """Only PostgreSQL has deadlocks: here, another transaction locks the same two deliveries in the other order."""
    webhook = await sender.subscribe(STAGES)
    await sender.service.ingest(event("u1"), event("u2"))
    await sender.deliver(webhook)
    first, second = [DeliveryFilter(id=each.id) for each in await sender.stored()]
    async with sender.service.database.write() as connection:
        await delivery_store.replay(connection, second, NOW)
        replay = asyncio.create_task(sender.deliveries.replay(DeliveryFilter()))
        await asyncio.wait([replay], timeout=0.3)
        await delivery_store.replay(connection, first, NOW)
    assert await replay == 2


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({}, 2),
        ({"state": "dead"}, 0),
        ({"type": "lead.merged"}, 0),
        ({"created_after": NOW}, 1),
        ({"lead_id": True}, 1),
    ],
)
async def test_deliveries_are_found_by_their_fields(sender: Sender, wanted: dict[str, Any], count: int) -> None:
    webhook = await sender.subscribe(STAGES)
    for key in ("u1", "u2"):
        await sender.service.ingest(event(key))
        await sender.deliver(webhook)
        sender.service.clock.now += timedelta(minutes=1)
    lead = (await sender.service.lead("u1")).lead.id
    wanted = {name: lead if value is True else value for name, value in wanted.items()}
    assert await sender.deliveries.count(DeliveryFilter(**wanted)) == count


async def test_finished_deliveries_are_pruned_and_pending_ones_are_not(sender: Sender) -> None:
    webhook = await sender.subscribe(STAGES)
    await sender.service.ingest(event("u1"))
    await sender.deliver(webhook)
    await sender.service.ingest(event("u2"))
    await sender.service.feed.number()
    await sender.deliveries.take_turn(webhook.id, [], render_message)
    assert await sender.deliveries.prune(NOW + timedelta(days=30), 30) == 0
    assert await sender.deliveries.prune(NOW + timedelta(days=30, seconds=1), 30) == 1
    assert [each.state for each in await sender.stored()] == ["pending"]


async def test_a_test_is_sent_once_and_recorded(sender: Sender, failing: Sender) -> None:
    for each, state in ((sender, "delivered"), (failing, "dead")):
        webhook = await each.subscribe()
        await each.webhooks.disable(webhook.id, NOW)
        sent = await each.deliveries.send_test(webhook.id, render_message)
        assert (sent.type, sent.state, sent.attempts) == ("webhook.test", state, 1)
        assert await each.deliveries.get(sent.id) == sent
        assert each.bodies()[-1]["position"] is None


async def test_what_is_not_there_is_not_found(sender: Sender) -> None:
    nobody = UUID(int=0)
    for call in (
        sender.deliveries.get(nobody),
        sender.deliveries.send_test(nobody, render_message),
        sender.webhooks.get(nobody),
        sender.webhooks.enable(nobody),
        sender.webhooks.disable(nobody, NOW),
        sender.webhooks.remove(nobody),
        sender.webhooks.rotate(nobody, timedelta(), NOW),
    ):
        with pytest.raises(NotFound):
            await call
    assert await sender.deliveries.take_turn(nobody, [], render_message) is None


async def test_a_deleted_webhook_takes_its_deliveries_along(sender: Sender) -> None:
    webhook = await sender.subscribe(STAGES)
    await sender.service.ingest(event("u1"))
    await sender.deliver(webhook)
    await sender.webhooks.remove(webhook.id)
    assert (await sender.webhooks.list_all(), await sender.stored()) == ([], [])


# --- Several replicas -------------------------------------------------------------------------------------------


async def test_two_replicas_share_the_deliveries(sender: Sender, database_url: str) -> None:
    webhook = await sender.subscribe(STAGES)
    await sender.service.ingest(*(event(f"u{number}") for number in range(50)))
    async with serving(database_url, small_model()) as service, sending(service, always("200 OK")) as other:
        found: list[Sequence[Delivery]] = [await each.deliver(webhook) for each in (sender, other)]
    assert [len(each) for each in found] == [50, 0]
    assert len({delivery.change_id for delivery in found[0]}) == 50


async def test_many_webhooks_leave_connections_to_others(sender: Sender, database_url: str) -> None:
    """Their turns wait for each other instead: here, all would wait for locks, each with a connection."""
    webhooks = [await sender.subscribe() for _ in range(6)]
    database = Database(database_url, pool_size=MAX_TURNS + 1, pool_timeout_s=0.5)
    client = WebhookClient(GuardedBackend([]))
    deliveries = Deliveries(database, sender.service.models, client, sender.service.clock)
    async with sender.service.database.write() as connection:
        for webhook in webhooks:
            await webhook_store.lock(connection, webhook.id)
        turns = [asyncio.create_task(deliveries.take_turn(each.id, [], render_message)) for each in webhooks]
        await asyncio.wait(turns, timeout=0.2)
        assert await deliveries.count(DeliveryFilter()) == 0
    assert [turn.is_last for turn in await asyncio.gather(*turns) if turn] == [True] * len(webhooks)
    await database.close()
