"""Ingestion over HTTP: every path, encoding, limit and answer of PROTOCOL.md."""

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from tests.api.harness import PAGE, Api, accepted, assert_refused, page_view, running, track
from tests.services.harness import NOW

MIB = 1024 * 1024

PATHS: dict[tuple[str, str], tuple[dict[str, Any], str]] = {
    ("track", "t"): ({"event": "Trial Started", "userId": "u1"}, "Trial Started"),
    ("identify", "i"): ({"userId": "u1", "traits": {"plan": "pro"}}, "Identified"),
    ("page", "p"): ({"userId": "u1", "name": "Pricing"}, "Page Viewed"),
    ("screen", "s"): ({"userId": "u1", "name": "Home"}, "Screen Viewed"),
    ("group", "g"): ({"userId": "u1", "groupId": "g1"}, "Group Joined"),
    ("alias", "a"): ({"userId": "u1", "previousId": "a1"}, "Aliased"),
}
SINGLE = [(f"/v1/{path}", *told) for paths, told in PATHS.items() for path in paths]
BATCHES = ["/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch"]


# --- Paths ------------------------------------------------------------------------------------------------------


async def test_a_path_implies_the_type_of_its_message(api: Api) -> None:
    for path, message, _ in SINGLE:
        answer = await api.send(path, message)
        assert answer.json() == {"success": True, "accepted": 1, "duplicates": 0}, path
    names = [event["name"] for event in await api.events(user_id="u1")]
    assert sorted(names) == sorted(name for _, _, name in SINGLE)


async def test_every_batch_path_accepts_all_types(web: Api) -> None:
    messages = [told | {"type": paths[0]} for paths, (told, _) in PATHS.items()]
    for path in BATCHES:
        answer = await web.send(path, {"batch": messages})
        assert answer.json() == {"success": True, "accepted": 6, "duplicates": 0}, path
    assert {event["name"] for event in await web.events(user_id="u1")} == {name for _, name in PATHS.values()}


async def test_an_answer_is_exactly_200_and_json(web: Api) -> None:
    answer = await web.send("/v1/track", track())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


async def test_client_metrics_are_accepted_and_discarded(web: Api) -> None:
    answer = await web.client.post("/v1/m", content=b'{"series": []}')
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert (await web.told("/v1/leads"))["data"] == []


async def test_an_empty_beacon_is_accepted(web: Api) -> None:
    for body in (b"", b" \n"):
        answer = await web.client.post(f"/beacon/v1/batch?writeKey={web.keys['write']}", content=body)
        assert accepted(answer) == (0, 0)


async def test_an_empty_beacon_still_needs_a_key(web: Api) -> None:
    assert_refused(await web.client.post("/beacon/v1/batch", content=b""), 401, "invalid-key")


async def test_an_empty_batch_is_accepted(web: Api) -> None:
    assert accepted(await web.batch()) == (0, 0)


async def test_the_settings_of_analytics_js_point_here(web: Api) -> None:
    key = web.keys["write"]
    answer = await web.client.get(f"/v1/projects/{key}/settings", headers={"Origin": PAGE})
    integration = {"apiKey": key, "apiHost": "leadscore.test/v1", "protocol": "http"}
    assert answer.json()["integrations"] == {"Segment.io": integration}
    assert answer.headers["access-control-allow-origin"] == PAGE


async def test_the_settings_of_rudderstack_name_no_other_destination(web: Api) -> None:
    key = web.keys["write"]
    for path in ("/sourceConfig", "/sourceConfig/"):
        by_query = await web.client.get(path, params={"writeKey": key, "p": "npm"}, headers={"Origin": PAGE})
        by_header = await web.client.get(path, auth=(key, ""))
        assert by_query.json() == by_header.json()
        assert by_query.headers["access-control-allow-origin"] == PAGE
        source = by_query.json()["source"]
        assert (source["writeKey"], source["enabled"], source["destinations"]) == (key, True, [])
    for key in (web.keys["server"], web.keys["read"], "ls_write_unknown", ""):
        assert_refused(await web.client.get(path, params={"writeKey": key}), 401, "invalid-key")


async def test_analytics_js_settings_exist_only_for_write_keys(web: Api) -> None:
    for key in ("unknown", web.keys["server"], web.keys["read"], web.keys["admin"]):
        assert_refused(await web.client.get(f"/v1/projects/{key}/settings"), 401, "invalid-key")


# --- Messages ---------------------------------------------------------------------------------------------------


async def test_one_bad_message_never_spoils_a_batch(api: Api) -> None:
    messages = [track(userId=f"u{number}") for number in range(500)]
    messages[137]["properties"] = {"note": 2**63}
    answer = await api.batch(*messages)
    assert (answer.status_code, answer.json()["accepted"]) == (200, 499)
    assert [(item["index"], item["code"]) for item in answer.json()["rejected"]] == [(137, "out-of-range")]
    assert (await api.ask("/v1/leads/lookup", user_id="u137")).status_code == 404
    assert (await api.lead(user_id="u138"))["event_count"] == 1


BAD: list[tuple[dict[str, Any], str]] = [
    ({"userId": "a\0b"}, "invalid-characters"),
    ({"properties": {"a": 2**63}}, "out-of-range"),
    ({"timestamp": "+010000-01-01T00:00:00Z"}, "out-of-range"),
    ({"timestamp": "9999-12-31T23:00:00-14:00"}, "out-of-range"),
    ({"timestamp": "yesterday"}, "validation-error"),
    ({"userId": None}, "invalid-identity"),
    ({"userId": "undefined"}, "invalid-identity"),
    ({"userId": "u" * 201}, "invalid-identity"),
    ({"userId": {"id": 1}}, "invalid-identity"),
    ({"event": None}, "validation-error"),
    ({"type": "dance"}, "validation-error"),
    ({"type": "alias"}, "invalid-identity"),
    ({"type": "group"}, "validation-error"),
    ({"messageId": "m" * 101}, "validation-error"),
    ({"properties": [1]}, "validation-error"),
]


async def test_each_bad_message_is_refused_by_index_and_kept(api: Api) -> None:
    answer = await api.batch(*(track(**fields) for fields, _ in BAD), track())
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    refused = answer.json()["rejected"]
    assert [(item["index"], item["code"]) for item in refused] == [(n, code) for n, (_, code) in enumerate(BAD)]
    assert all(isinstance(item["message"], str) for item in refused)
    assert sorted(item["code"] for item in await api.rejections()) == sorted(code for _, code in BAD)


async def test_only_the_message_with_a_non_finite_number_is_refused(web: Api) -> None:
    good, bad = json.dumps(track()), json.dumps(track(properties={"a": 0})).replace('"a": 0', '"a": 1e999')
    answer = await web.post("/v1/batch", f'{{"batch": [{good}, {bad}]}}'.encode())
    assert [item["code"] for item in answer.json()["rejected"]] == ["not-finite"]


MALFORMED: list[bytes] = [
    b'{"type": "page", "n": NaN}',
    b'{"a": 1, "a": 2}',
    b'{"a": "\xff"}',
    b'{"a":' * 40 + b"1" + b"}" * 40,
    b'{"a": ' + b"9" * 3_000 + b"}",
    b'{"a": undefined,}',
    b"{'a': 'b'}",
    b'{"a": "b\x01"}',
    b'{"a": {"b": 1}',
]


@pytest.mark.parametrize("path", BATCHES)
async def test_a_malformed_message_is_refused_by_index_and_the_rest_stored(web: Api, path: str) -> None:
    good = [json.dumps(track(userId=f"u{number}")).encode() for number in range(len(MALFORMED) + 1)]
    items = [item for pair in zip(good, MALFORMED, strict=False) for item in pair] + good[-1:]
    answer = await web.post(path, b'{"batch": [' + b",".join(items) + b'], "sentAt": null}')
    assert (answer.status_code, answer.json()["accepted"]) == (200, len(good))
    found = [(item["index"], item["messageId"], item["code"]) for item in answer.json()["rejected"]]
    assert found == [(2 * number + 1, None, "malformed-json") for number in range(len(MALFORMED))]
    assert len(await web.rejections()) == len(MALFORMED)


async def test_the_complete_messages_of_a_truncated_body_are_stored(api: Api) -> None:
    body = json.dumps({"batch": [track(), track(userId="u2")]}).encode()
    answer = await api.post("/v1/batch", body[:-20])
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert [(item["index"], item["code"]) for item in answer.json()["rejected"]] == [(1, "malformed-json")]


async def test_the_key_is_found_in_a_batch_with_a_malformed_message(web: Api) -> None:
    body = f'{{"batch": [{json.dumps(track())}, NaN], "writeKey": "{web.keys["write"]}"}}'
    answer = await web.client.post("/v1/batch", content=body)
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)


async def test_a_batch_of_only_malformed_messages_is_400(web: Api) -> None:
    document = assert_refused(await web.post("/v1/batch", b'{"batch": [NaN, {"a": 1,}]}'), 400, "malformed-json")
    assert [item["index"] for item in document["rejected"]] == [0, 1]


@pytest.mark.parametrize("body", [b'{"batch": []}\n{"batch": []}', b'{"type": "page"}\n{"type": "page"}', b"[NaN]"])
async def test_a_body_that_is_malformed_around_its_messages_is_400(web: Api, body: bytes) -> None:
    assert "rejected" not in assert_refused(await web.post("/v1/batch", body), 400, "malformed-json")


async def test_invalid_characters_are_replaced_or_removed(api: Api) -> None:
    answer = await api.batch(track(properties={"a\0b": "c\ud83dd"}), context={"locale": "de\0"})
    assert accepted(answer) == (1, 0)
    [event] = await api.events(user_id="u1")
    assert (event["properties"], event["context"]) == ({"a\ufffdb": "c\ufffdd"}, {"locale": "de"})


@pytest.mark.parametrize(
    ("path", "times"),
    [
        ("/v1/import", {"sentAt": "2026-01-10T10:00:05Z"}),
        ("/v1/batch", {"sentAt": "2026-01-10T10:00:05Z", "receivedAt": "2026-01-10T10:00:06Z"}),
        ("/v1/batch", {"sentAt": "Invalid Date"}),
    ],
)
async def test_messages_received_earlier_keep_their_time(web: Api, path: str, times: dict[str, Any]) -> None:
    message = track(timestamp="2026-01-10T10:00:00Z", originalTimestamp="2026-01-09T10:00:00Z", **times)
    assert accepted(await web.send(path, {"batch": [message]})) == (1, 0)
    assert [event["occurred_at"] for event in await web.events(user_id="u1")] == ["2026-01-10T10:00:00Z"]


async def test_empty_php_arrays_are_read_as_empty_objects(api: Api) -> None:
    empty = track(properties=[], traits=[], integrations=[], timestamp="1970-01-01T00:00:00+00:00")
    assert accepted(await api.batch(empty, context=[])) == (1, 0)
    [event] = await api.events(user_id="u1")
    assert (event["properties"], event["context"], event["occurred_at"]) == ({}, {}, "2026-03-10T12:00:00Z")


async def test_only_the_item_that_is_not_a_message_is_refused(web: Api) -> None:
    answer = await web.batch(None, 1, "text", [], True, track())
    assert answer.json()["accepted"] == 1
    told = [(item["index"], item["messageId"], item["code"]) for item in answer.json()["rejected"]]
    assert told == [(index, None, "validation-error") for index in range(5)]


async def test_a_batch_of_only_refused_messages_is_400(api: Api) -> None:
    answer = await api.batch(track(userId=None), track(event=""))
    document = assert_refused(answer, 400, "invalid-identity")
    assert [(item["index"], item["code"]) for item in document["rejected"]] == [
        (0, "invalid-identity"),
        (1, "validation-error"),
    ]
    assert len(await api.rejections()) == 2


async def test_a_single_bad_message_is_400(web: Api) -> None:
    document = assert_refused(await web.send("/v1/track", track(userId="null")), 400, "invalid-identity")
    assert [item["index"] for item in document["rejected"]] == [0]


async def test_a_body_that_is_not_a_batch_is_400(web: Api) -> None:
    wrong: list[Any] = [[], {}, {"batch": {}}, {"batch": None}, [track()]]
    for document in wrong:
        assert_refused(await web.send("/v1/batch", document), 400, "validation-error")


async def test_a_batch_of_a_duplicate_and_a_refusal_is_200(web: Api) -> None:
    message = track()
    await web.batch(message)
    answer = await web.batch(message, track(userId=None))
    assert (answer.status_code, answer.json()["duplicates"], len(answer.json()["rejected"])) == (200, 1, 1)


# --- What becomes of them ---------------------------------------------------------------------------------------


async def test_a_message_sent_twice_counts_once_across_requests(api: Api) -> None:
    message = track()
    assert accepted(await api.send("/v1/track", message)) == (1, 0)
    assert accepted(await api.send("/v1/track", message)) == (0, 1)
    assert accepted(await api.batch(message, track(), message)) == (1, 2)
    assert (await api.lead(user_id="u1"))["event_count"] == 2


async def test_the_same_message_id_from_another_key_is_another_message(web: Api) -> None:
    message = track()
    await web.send("/v1/track", message)
    assert accepted(await web.send("/v1/track", message, key=web.keys["server"])) == (1, 0)


async def test_messages_without_an_id_all_count(web: Api) -> None:
    message = track(messageId=None)
    assert accepted(await web.batch(message, message)) == (2, 0)


async def test_each_messages_context_overrides_the_batchs(api: Api) -> None:
    shared = {"locale": "de", "page": {"path": "/"}}
    await api.batch(track(context={"page": {"path": "/pricing"}}), track(), context=shared)
    contexts = [event["context"] for event in await api.events(user_id="u1")]
    assert {"locale": "de", "page": {"path": "/pricing"}} in contexts
    assert shared in contexts


async def test_sent_at_corrects_a_wrong_client_clock(api: Api) -> None:
    wrong = NOW - timedelta(days=400)
    told = [(moment).isoformat() for moment in (wrong, wrong + timedelta(seconds=30))]
    await api.batch(track(timestamp=told[0]), sentAt=told[1])
    [event] = await api.events(user_id="u1")
    assert event["occurred_at"] == (NOW - timedelta(seconds=30)).isoformat().replace("+00:00", "Z")


async def test_traits_in_the_context_identify_too(web: Api) -> None:
    await web.send("/v1/identify", {"anonymousId": "a1", "context": {"traits": {"email": "Ada@Example.com"}}})
    assert (await web.lead(email="ada@example.com"))["identities"]["anonymous_id"] == ["a1"]


async def test_an_identify_needs_only_an_email(web: Api) -> None:
    assert accepted(await web.send("/v1/identify", {"traits": {"email": "ada@example.com"}})) == (1, 0)


async def test_an_alias_of_a_user_with_itself_is_tolerated(web: Api) -> None:
    assert accepted(await web.send("/v1/alias", {"userId": "u1", "previousId": "u1"})) == (1, 0)


async def test_an_anonymous_past_joins_the_person(api: Api) -> None:
    await api.send("/v1/page", page_view())
    await api.send("/v1/identify", {"userId": "u1", "anonymousId": "a1"})
    lead = await api.lead(user_id="u1")
    assert (lead["event_count"], lead["id"]) == (2, (await api.lead(anonymous_id="a1"))["id"])


@pytest.mark.parametrize(("kind", "leads"), [("write", 2), ("server", 1)])
async def test_only_a_server_key_merges_two_known_people(api: Api, kind: Any, leads: int) -> None:
    await api.batch(track(userId="u1"), track(userId="u2"))
    await api.send("/v1/alias", {"userId": "u1", "previousId": "u2"}, key=api.keys[kind])
    assert len((await api.told("/v1/leads"))["data"]) == leads


# --- No room, no time -------------------------------------------------------------------------------------------


async def test_a_full_queue_is_503_with_retry_after(sqlite_url: str) -> None:
    async with running(sqlite_url, queue_messages=2_500) as web:
        with closing(sqlite3.connect(sqlite_url.partition(":///")[2], isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # while another writes, one batch is being stored and one has room to wait
            batches = [asyncio.create_task(web.batch(*(track() for _ in range(2_500)))) for _ in range(3)]
            refused, waiting = await asyncio.wait(batches, return_when=asyncio.FIRST_COMPLETED)
            other.execute("ROLLBACK")
        assert [accepted(answer) for answer in await asyncio.gather(*waiting)] == [(2_500, 0)] * len(waiting)
    for answer in refused:
        assert_refused(answer.result(), 503, "unavailable")
        assert int(answer.result().headers["retry-after"]) >= 1


async def test_a_closing_writer_is_503_with_retry_after(web: Api) -> None:
    web.runtime.writer.close()
    answer = await web.send("/v1/track", track())
    assert_refused(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_queued_messages_are_committed_when_the_writer_closes(api: Api) -> None:
    requests = [asyncio.create_task(api.send("/v1/track", track())) for _ in range(20)]
    await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
    api.runtime.writer.close()
    answers = await asyncio.gather(*requests)
    stored = sum(accepted(answer)[0] for answer in answers if answer.status_code == 200)
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert (await api.lead(user_id="u1"))["event_count"] == stored
