"""Each message of a batch stands alone, over what the batch says for all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ContentTooLarge, InvalidMessage
from app.protocol.batches import body_write_key, read_batch
from app.protocol.messages import Sender, read_message
from app.scoring.events import Event
from tests.protocol.fates import Fates, fates_of

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
SENDER = Sender("website", trusted=False)
PAGE = {"type": "page", "userId": "u1"}


def read(document: Any) -> Fates:
    return fates_of(read_batch(document, sender=SENDER, received_at=NOW))


def only(document: Any) -> Event:
    batch = read(document)
    assert batch.refused == []
    [(_, event)] = batch.accepted
    return event


def test_a_bad_message_is_refused_alone() -> None:
    batch = read({"batch": [PAGE, {"type": "page", "messageId": "m1"}, PAGE]})
    assert [index for index, _ in batch.accepted] == [0, 2]
    [refusal] = batch.refused
    assert (refusal.index, refusal.message_id, refusal.code) == (1, "m1", "invalid-identity")
    assert refusal.original == {"type": "page", "messageId": "m1"}


@pytest.mark.parametrize("item", [None, "text", 1, [], [PAGE]])
def test_an_item_that_is_no_object_is_refused_alone(item: Any) -> None:
    batch = read({"batch": [item, PAGE]})
    assert [refusal.code for refusal in batch.refused] == ["validation-error"]
    assert len(batch.accepted) == 1


def test_an_oversized_message_is_refused_alone() -> None:
    batch = read({"batch": [PAGE | {"properties": {"x": "x" * 40_000}}, PAGE]})
    assert [refusal.code for refusal in batch.refused] == ["content-too-large"]
    assert len(batch.accepted) == 1


def test_one_value_spoils_one_message_of_500() -> None:
    batch = read({"batch": [PAGE] * 250 + [PAGE | {"name": 2**63}] + [PAGE] * 249})
    assert len(batch.accepted) == 499
    assert [(refusal.index, refusal.code) for refusal in batch.refused] == [(250, "out-of-range")]


@pytest.mark.parametrize("sent_at", ["Invalid Date", "noon", "01/02/2026", 1e30, True, {}])
def test_a_time_of_sending_that_can_not_be_read_corrects_nothing(sent_at: Any) -> None:
    message = PAGE | {"timestamp": "2025-06-01T11:50:00Z"}
    for document in ({"sentAt": sent_at, "batch": [message]}, {"batch": [message | {"sentAt": sent_at}]}):
        assert only(document).occurred_at == NOW - timedelta(minutes=10)


def test_history_is_not_corrected_by_when_it_was_sent() -> None:
    message = PAGE | {"timestamp": "2025-01-10T10:00:00Z", "sentAt": "2025-01-10T10:00:05Z"}
    document = {"batch": [message], "sentAt": "2025-01-10T10:00:07Z"}
    batch = fates_of(read_batch(document, sender=SENDER, received_at=NOW, live=False))
    assert [event.occurred_at.isoformat() for _, event in batch.accepted] == ["2025-01-10T10:00:00+00:00"]


@pytest.mark.parametrize("empty", [[], {}, None, "", False])
def test_an_empty_context_of_a_batch_is_none(empty: Any) -> None:
    assert only({"context": empty, "integrations": empty, "batch": [PAGE]}).context == {}


def test_bad_characters_in_the_batchs_context_are_replaced() -> None:
    assert only({"context": {"a\0": "b\ud83dc"}, "batch": [PAGE]}).context == {"a": "b\ufffdc"}


@pytest.mark.parametrize(
    ("told", "kept"), [("m1", "m1"), (7, "7"), ("", None), ("m" * 101, None), ("\0", None), ({}, None)]
)
def test_a_refusal_keeps_only_a_message_id_that_can_be_stored(told: Any, kept: str | None) -> None:
    [refusal] = read({"batch": [{"messageId": told}]}).refused
    assert refusal.message_id == kept


def test_the_events_of_a_batch_sort_by_id_as_they_came() -> None:
    ids = [event.id for _, event in read({"batch": [PAGE] * 1000}).accepted]
    assert ids == sorted(set(ids))


def test_the_batchs_context_lies_beneath_that_of_each_message() -> None:
    context = {"ip": "::1", "page": {"path": "/batch"}, "traits": {"plan": "pro"}}
    event = only({"context": context, "batch": [PAGE | {"context": {"page": {"title": "own"}}}]})
    assert event.context == {"ip": "::1", "page": {"title": "own"}}
    assert event.traits == {"plan": "pro"}


@pytest.mark.parametrize(
    ("batch", "message", "minutes_ago"),
    [
        ({"sentAt": "2025-06-01T09:10:00Z"}, {"timestamp": "2025-06-01T09:00:00Z"}, 10),
        (
            {"sentAt": "2025-06-01T23:00:00Z"},
            {"timestamp": "2025-06-01T09:00:00Z", "sentAt": "2025-06-01T09:05:00Z"},
            5,
        ),
        ({"timestamp": "2025-06-01T11:00:00Z"}, {}, 60),
        ({"timestamp": "2025-06-01T11:00:00Z"}, {"timestamp": "2025-06-01T11:30:00Z"}, 30),
        ({"timestamp": "2025-06-01T11:00:00Z"}, {"originalTimestamp": "2025-06-01T11:30:00Z"}, 30),
        ({"timestamp": "noon"}, {"timestamp": "2025-06-01T11:30:00Z"}, 30),
        ({"timestamp": "2025-06-01T11:00:00Z"}, {"timestamp": "noon"}, 60),
        (
            {"sentAt": "2025-06-01T11:10:00Z", "receivedAt": "2025-06-01T11:10:01Z"},
            {"timestamp": "2025-06-01T11:00:00Z"},
            60,
        ),
        (
            {"received_at": "2025-06-01T11:10:01Z"},
            {"timestamp": "2025-06-01T11:00:00Z", "sentAt": "2025-06-01T11:10:00Z"},
            60,
        ),
        ({"sentAt": None}, {"sentAt": None}, 0),
    ],
)
def test_a_messages_own_times_win(batch: dict[str, Any], message: dict[str, Any], minutes_ago: int) -> None:
    assert only(batch | {"batch": [PAGE | message]}).occurred_at == NOW - timedelta(minutes=minutes_ago)


@pytest.mark.parametrize("document", [None, [], "text", {}, {"batch": None}, {"batch": {}}, {"batch": "text"}])
def test_a_body_without_a_list_of_messages_is_refused(document: Any) -> None:
    with pytest.raises(InvalidMessage, match="`batch`"):
        read(document)


@pytest.mark.parametrize("context", ["text", "null", [1], 1, {"a": 2**63}, {"a": {"b": float("inf")}}])
def test_a_context_of_the_batch_that_can_not_be_used_counts_as_absent(context: Any) -> None:
    assert only({"context": context, "batch": [PAGE | {"context": {"ip": "::1"}}]}).context == {"ip": "::1"}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"timestamp": "noon"}, "validation-error"),
        ({"timestamp": 10**21}, "out-of-range"),
    ],
)
def test_a_fault_in_what_all_messages_share_refuses_each_of_them(fault: dict[str, Any], code: str) -> None:
    messages = [PAGE | {"messageId": "m1"}, PAGE | {"messageId": "m2"}]
    batch = read(fault | {"batch": messages})
    assert batch.accepted == []
    assert [(each.index, each.message_id, each.code) for each in batch.refused] == [(0, "m1", code), (1, "m2", code)]
    assert [each.original for each in batch.refused] == messages


def test_an_empty_batch_is_nothing() -> None:
    assert read({"batch": []}) == Fates([], [])


def test_a_batch_has_2500_messages_at_most() -> None:
    assert len(read({"batch": [PAGE] * 2500}).accepted) == 2500
    with pytest.raises(ContentTooLarge):
        read({"batch": [PAGE] * 2501})


def test_a_large_context_of_the_batch_is_refused_once() -> None:
    with pytest.raises(ContentTooLarge, match="`context`"):
        read({"context": {"x": "x" * 40_000}, "batch": [PAGE]})


def test_the_batchs_context_weighs_on_each_message() -> None:
    small, large = PAGE | {"properties": {"x": "x" * 10_000}}, PAGE | {"properties": {"x": "x" * 20_000}}
    batch = read({"context": {"x": "x" * 20_000}, "batch": [small, large]})
    assert [index for index, _ in batch.accepted] == [0]
    assert [refusal.code for refusal in batch.refused] == ["content-too-large"]


@pytest.mark.parametrize(
    ("document", "key"),
    [({"writeKey": "k"}, "k"), ({"writeKey": ""}, None), ({"writeKey": 1}, None), ({}, None), ([], None), (None, None)],
)
def test_the_write_key_is_read_from_the_body(document: Any, key: str | None) -> None:
    assert body_write_key(document) == key


@given(st.lists(st.sampled_from([PAGE, {"type": "page"}, None, PAGE | {"name": "\0"}]), max_size=20))
def test_every_message_is_accepted_or_refused_as_it_would_be_alone(messages: list[Any]) -> None:
    batch = read({"batch": messages})
    indexes = [index for index, _ in batch.accepted] + [refusal.index for refusal in batch.refused]
    assert sorted(indexes) == list(range(len(messages)))
    for refusal in batch.refused:
        with pytest.raises(InvalidMessage) as refused:
            read_message(messages[refusal.index], type=None, sender=SENDER, received_at=NOW)
        assert (refused.value.code, refused.value.detail) == (refusal.code, refusal.detail)
