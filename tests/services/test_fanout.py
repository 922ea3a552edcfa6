"""Fan-out: which changes become deliveries of a webhook, and what their messages contain."""

from datetime import timedelta

import pytest

from app.documents.webhooks import render_message
from app.services.deliveries import MAX_AT_ONCE, Delivery
from app.services.fanout import MAX_NEW
from app.services.webhooks import ChangeFilter, ScoreFilter, Target
from tests.services.feeds import read_all
from tests.services.harness import NOW, alias, event
from tests.services.senders import ALL, HOST, STAGES, Sender


async def test_every_wanted_change_is_delivered_once_and_as_in_the_feed(sender: Sender) -> None:
    webhook = await sender.subscribe()
    await sender.service.ingest(event("u1", "e1@x"))
    await sender.service.ingest(event("u2"), event("u1", name="Feature Used"))
    await sender.deliver(webhook)
    assert await sender.deliver(webhook) == []
    feed = await read_all(sender.service.feed, after=webhook.position)
    assert [(body["position"], body["id"], body["type"]) for body in sender.bodies()] == [
        (position, str(change.id), change.type) for position, change in feed
    ]
    assert sender.bodies()[0]["identities"] == {"user_id": ["u1"], "email": ["e1@x"], "phone": [], "anonymous_id": []}


async def test_a_thin_message_has_ids_alone(sender: Sender) -> None:
    webhook = await sender.subscribe(thin=True)
    await sender.service.ingest(event("u1", "e1@x"))
    await sender.deliver(webhook)
    assert all(body.keys() == {"type", "timestamp", "id", "position", "lead_id", "data"} for body in sender.bodies())
    assert all(body["data"] == {} for body in sender.bodies())


async def test_a_thin_merge_says_which_leads(sender: Sender) -> None:
    await sender.service.ingest(event("u1"), event("u2"))
    retired = (await sender.service.lead("u2")).lead.id
    webhook = await sender.subscribe(frozenset({"lead.merged"}), thin=True)
    await sender.service.ingest(alias("u1", "u2"))
    await sender.deliver(webhook)
    [body] = sender.bodies()
    assert (body["data"]["from"], body["data"]["into"]) == (str(retired), body["lead_id"])


async def test_a_lead_merged_since_has_the_identities_of_its_survivor(sender: Sender) -> None:
    webhook = await sender.subscribe(frozenset({"lead.created"}))
    await sender.service.ingest(event("u1"), event("u2"))
    await sender.service.ingest(alias("u1", "u2"))
    await sender.deliver(webhook)
    assert {tuple(body["identities"]["user_id"]) for body in sender.bodies()} == {("u1", "u2")}


async def test_filters_by_stage_and_by_threshold(sender: Sender) -> None:
    to_customer = await sender.subscribe(STAGES, to=frozenset({"customer"}))
    upwards = await sender.subscribe(STAGES, direction="up")
    crossing = await sender.subscribe(
        frozenset({"lead.score_changed"}), score=ScoreFilter("engagement", at_least=1), direction="up"
    )
    await sender.service.ingest(event("u1"))
    assert await sender.deliver(to_customer) == []
    assert [each.type for each in await sender.deliver(upwards)] == ["lead.stage_changed"]
    assert [each.type for each in await sender.deliver(crossing)] == ["lead.score_changed"]
    await sender.service.ingest(event("u1", name="Feature Used"))
    assert await sender.deliver(crossing) == []


async def test_a_webhook_may_begin_with_the_past(sender: Sender) -> None:
    await sender.service.ingest(event("u1"))
    target = Target(f"http://{HOST}:{sender.receiver.port}/", ChangeFilter(ALL))
    made = await sender.webhooks.create(target, 0, NOW)
    assert len(await sender.deliver(made.webhook)) == 3
    await sender.webhooks.retarget(made.webhook.id, target, 0)
    assert await sender.deliver(made.webhook) == [], "each change becomes one delivery, however often it is read"


async def test_a_long_feed_is_searched_part_by_part(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.fanout.MAX_NEW", 2)
    monkeypatch.setattr("app.storage.changes.COMMITS_AT_ONCE", 1)
    webhook = await sender.subscribe(STAGES)
    for number in range(3):
        await sender.service.ingest(*(event(f"u{number}{each}") for each in range(3)))
        await sender.service.ingest(event("u00", name="Unheard Of"))
    assert len(await sender.deliver(webhook)) == 9
    assert MAX_AT_ONCE < MAX_NEW


async def test_no_deliveries_are_made_while_enough_are_due(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the feed costs more than a turn that only claims."""
    monkeypatch.setattr("app.services.deliveries.MAX_AT_ONCE", 1)
    webhook = await sender.subscribe(STAGES)
    claimed = list[Delivery]()
    for users in (["u1", "u2"], ["u3"], []):
        await sender.service.ingest(*map(event, users))
        await sender.service.feed.number()
        turn = await sender.deliveries.take_turn(webhook.id, [], render_message)
        assert turn is not None
        assert not turn.is_last
        claimed += turn.claimed
        assert len(await sender.stored()) == (2 if len(claimed) < 3 else 3)
    assert len({each.id for each in claimed}) == 3


async def test_changes_that_are_no_longer_kept_are_skipped(sender: Sender) -> None:
    webhook = await sender.subscribe(STAGES)
    await sender.service.ingest(event("u1"))
    await sender.service.feed.prune(NOW + timedelta(days=31), 30)
    await sender.service.ingest(event("u2"))
    [delivery] = await sender.deliver(webhook)
    assert delivery.lead_id == (await sender.service.lead("u2")).lead.id
