"""Leads over HTTP: their shapes, lists, lookups, scores, events and transitions."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.harness import Api, assert_problem, page_view, track
from tests.api.people import ago, ingest, ladder, newsletter
from tests.services.harness import NOW

LEAD = {
    "id",
    "account",
    "stage",
    "stage_since",
    "sales_ready",
    "scores",
    "identities",
    "traits",
    "source",
    "first_seen_at",
}
LEAD |= {"last_seen_at", "event_count", "updated_at", "changed_at", "next_change", "model_version", "as_of"}


# --- One lead ---------------------------------------------------------------------------------------------------


async def test_a_lead_reads_as_documented(api: Api) -> None:
    source = {"page": {"url": "https://x.test/?utm_source=google&utm_medium=cpc"}}
    await ingest(
        api,
        track(anonymousId="a1", context=source, timestamp=ago(days=1)),
        {"type": "identify", "userId": "u1", "traits": {"email": "Ada@example.com", "company_size": 80}},
    )
    lead = await api.lead(email="ADA@example.com")
    assert set(lead) == LEAD
    assert (lead["stage"], lead["sales_ready"], lead["event_count"]) == ("sql", True, 2)
    assert lead["identities"] == {"user_id": ["u1"], "email": ["ada@example.com"], "phone": [], "anonymous_id": ["a1"]}
    assert lead["traits"]["company_size"] == 80
    assert lead["source"] == {"channel": "paid_search", "referrer": None, "utm": {"source": "google", "medium": "cpc"}}
    assert lead["scores"]["engagement"] == {"value": 40.0, "band": "warm"}
    assert (lead["first_seen_at"], lead["last_seen_at"]) == ("2026-03-09T12:00:00Z", "2026-03-10T12:00:00Z")
    assert (lead["as_of"], lead["model_version"]) == ("2026-03-10T12:00:00Z", 1)
    assert set(lead["next_change"]) == {"on", "stage"}
    assert date.fromisoformat(lead["next_change"]["on"]) > NOW.date()


async def test_a_lead_is_the_same_by_its_id_and_by_each_identity(api: Api) -> None:
    await ingest(api, track(anonymousId="a1", traits={}, context={"traits": {"email": "ada@example.com"}}))
    lead = await api.lead(user_id="u1")
    assert await api.told(f"/v1/leads/{lead['id']}") == lead
    assert await api.lead(anonymous_id="a1") == lead
    assert await api.lead(email="ada@example.com") == lead


async def test_a_merged_id_returns_the_survivor(api: Api) -> None:
    await ingest(api, page_view(anonymousId="a1"), track())
    retired, survivor = await api.lead(anonymous_id="a1"), await api.lead(user_id="u1")
    await ingest(api, track(anonymousId="a1"))
    assert (await api.told(f"/v1/leads/{retired['id']}"))["id"] == survivor["id"]
    for part in ("score", "events", "identities", "transitions"):
        assert (await api.ask(f"/v1/leads/{retired['id']}/{part}")).status_code == 200


async def test_scores_decay_without_new_events(api: Api) -> None:
    await ingest(api, page_view())
    before = (await api.lead(anonymous_id="a1"))["scores"]["engagement"]["value"]
    api.clock.now += timedelta(days=14)
    after = await api.lead(anonymous_id="a1")
    assert after["scores"]["engagement"]["value"] == pytest.approx(before / 2)
    assert after["as_of"] == "2026-03-24T12:00:00Z"


async def test_an_unknown_id_is_404_and_a_wrong_one_422(api: Api) -> None:
    for part in ("", "/score", "/history", "/events", "/identities", "/transitions"):
        assert_problem(await api.ask(f"/v1/leads/{uuid4()}{part}"), 404, "not-found")
        assert_problem(await api.ask(f"/v1/leads/marker{part}"), 422, "validation-error")


# --- Lookups ----------------------------------------------------------------------------------------------------


async def test_a_lookup_of_an_unknown_identity_is_404(api: Api) -> None:
    assert_problem(await api.ask("/v1/leads/lookup", email="ada@example.com"), 404, "not-found")


async def test_a_lookup_takes_exactly_one_identity(web: Api) -> None:
    assert_problem(await web.ask("/v1/leads/lookup"), 422, "validation-error")
    assert_problem(await web.ask("/v1/leads/lookup", email="a@x.test", user_id="u1"), 422, "validation-error")


NOBODY = [{"email": "no address"}, {"user_id": "null"}, {"user_id": "a\0b"}, {"anonymous_id": "a" * 201}, {"email": ""}]
NOBODY += [
    {"user_id": "{{user_id}}"},
    {"anonymous_id": "\u200b"},
    {"phone": "030 123456"},
    {"phone": "110"},
    {"phone": ""},
]


async def test_a_lookup_of_an_invalid_identity_is_refused(api: Api) -> None:
    for asked in NOBODY:
        assert_problem(await api.ask("/v1/leads/lookup", **asked), 422, "validation-error")


async def look_up(api: Api, identities: Any) -> Any:
    return await api.client.post("/v1/leads/lookup", headers=api.bearer("read"), json={"identities": identities})


async def test_many_leads_are_looked_up_in_the_order_requested(api: Api) -> None:
    await ladder(api)
    asked = [{"user_id": "sql"}, {"email": "L@example.com"}, {"user_id": "nobody"}, {"user_id": "sql"}]
    found = (await look_up(api, asked)).json()["data"]
    assert [item["identity"] for item in found] == [
        {"user_id": "sql"},
        {"email": "l@example.com"},
        {"user_id": "nobody"},
        {"user_id": "sql"},
    ]
    assert [item["lead"] and item["lead"]["stage"] for item in found] == ["sql", "lead", None, "sql"]


async def test_up_to_500_identities_are_looked_up(api: Api) -> None:
    await ingest(api, *(track(userId=f"u{number}") for number in range(500)))
    asked = [{"user_id": f"u{number}"} for number in range(500)]
    found = (await look_up(api, asked)).json()["data"]
    assert [item["lead"]["identities"]["user_id"] for item in found] == [[item["user_id"]] for item in asked]
    assert_problem(await look_up(api, [*asked, {"user_id": "u500"}]), 422, "validation-error")


async def test_an_invalid_identity_is_reported_by_its_index(api: Api) -> None:
    answer = await look_up(api, [{"user_id": "u1"}, {"user_id": "null"}])
    assert_problem(answer, 422, "validation-error")
    assert [fault["path"] for fault in answer.json()["errors"]] == ["identities.1"]


async def test_a_lookup_without_a_valid_identity_is_refused(web: Api) -> None:
    wrong: list[Any] = [
        [],
        [{}],
        [{"user_id": "u1", "email": "a@x.test"}],
        [{"phone": "1"}],
        [{"user_id": 1}],
        None,
        "u1",
    ]
    for asked in [*wrong, *([each] for each in NOBODY)]:
        assert_problem(await look_up(web, asked), 422, "validation-error")


# --- Scores -----------------------------------------------------------------------------------------------------


async def score_of(api: Api, **params: str) -> Any:
    lead = await api.lead(user_id="u1")
    return await api.told(f"/v1/leads/{lead['id']}/score", **params)


async def test_every_point_of_a_score_is_explained(api: Api) -> None:
    await ingest(api, *(page_view(userId="u1", timestamp=ago(days=day)) for day in range(12)), track())
    score = await score_of(api)
    assert set(score) == {"id", "stage", "stage_reason", "scores", "model_version", "as_of"}
    for name, told in score["scores"].items():
        assert set(told) == {"value", "band", "ledger"}, name
        assert sum(line["points"] for line in told["ledger"]) == pytest.approx(told["value"])
    ledger = score["scores"]["engagement"]["ledger"]
    assert {"rule", "title", "signal", "hits", "last_hit_on", "points", "kind"} == {
        key for line in ledger for key in line
    }
    assert {line["kind"] for line in ledger} == {"rule", "group_cap"}
    [demo] = [line for line in ledger if line["rule"] == "demo"]
    assert (demo["signal"], demo["hits"], demo["last_hit_on"], demo["points"]) == (
        "demo_requested",
        1,
        "2026-03-10",
        40,
    )


async def test_a_score_agrees_with_the_lead(api: Api) -> None:
    await ingest(api, track(), page_view(userId="u1"))
    lead, score = await api.lead(user_id="u1"), await score_of(api)
    assert {name: {"value": told["value"], "band": told["band"]} for name, told in score["scores"].items()} == lead[
        "scores"
    ]
    assert {key: score[key] for key in ("id", "stage", "model_version", "as_of")} == {
        key: lead[key] for key in ("id", "stage", "model_version", "as_of")
    }
    assert score["stage_reason"]


async def test_as_of_a_past_moment_returns_what_was_served_then(api: Api) -> None:
    await ingest(api, page_view(userId="u1"))
    served = await score_of(api)
    api.clock.now += timedelta(days=3)
    await ingest(api, track())
    assert await score_of(api, as_of="2026-03-10T14:00:00+02:00") == served
    assert (await score_of(api))["stage"] == "sql"


async def test_as_of_a_future_moment_returns_the_score_without_new_events(api: Api) -> None:
    await ingest(api, page_view(userId="u1"))
    score = await score_of(api, as_of="2026-03-24T12:00:00Z")
    assert score["as_of"] == "2026-03-24T12:00:00Z"
    assert score["scores"]["engagement"]["value"] == pytest.approx(2.5)


async def test_as_of_extreme_dates_is_answered(api: Api) -> None:
    await ingest(api, track())
    lead = await api.lead(user_id="u1")
    assert (await score_of(api, as_of="9999-12-31T23:59:59Z"))["as_of"] == "9999-12-31T23:59:59Z"
    answer = await api.ask(f"/v1/leads/{lead['id']}/score", as_of="0001-01-01T00:00:00Z")
    assert "Nothing was known" in assert_problem(answer, 404, "not-found")["detail"]


NO_MOMENT = ["marker", "2026-03-10T12:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1e999"]


async def test_an_invalid_as_of_is_refused(web: Api) -> None:
    await ingest(web, track())
    lead = await web.lead(user_id="u1")
    for as_of in NO_MOMENT:
        assert_problem(await web.ask(f"/v1/leads/{lead['id']}/score", as_of=as_of), 422, "validation-error")


# --- What happened ----------------------------------------------------------------------------------------------


async def test_an_event_reads_as_it_was_sent(api: Api) -> None:
    message = track(messageId="m1", properties={"plan": "pro"}, context={"locale": "de"}, anonymousId="a1")
    await ingest(api, message)
    [event] = await api.events(user_id="u1")
    assert event.pop("id")
    assert event.pop("source").startswith("server-")
    assert event == {
        "type": "track",
        "name": "Demo Requested",
        "message_id": "m1",
        "identities": [{"user_id": "u1"}, {"anonymous_id": "a1"}],
        "occurred_at": "2026-03-10T12:00:00Z",
        "received_at": "2026-03-10T12:00:00Z",
        "properties": {"plan": "pro"},
        "context": {"locale": "de"},
        "traits": {},
        "retraction_id": None,
    }


async def test_an_explained_event_says_what_it_gives_today_before_caps(api: Api) -> None:
    await ingest(api, *(page_view(userId="u1", timestamp=ago(days=day)) for day in (0, 14)), track("Unheard Of"))
    lead = await api.lead(user_id="u1")
    events = (await api.told(f"/v1/leads/{lead['id']}/events", explain="true"))["data"]
    assert [event["name"] for event in events] == ["Unheard Of", "Page Viewed", "Page Viewed"]
    assert (events[0]["signals"], events[0]["points"]) == ([], [])
    assert "pricing_viewed" in events[1]["signals"]
    pricing = [next(each for each in event["points"] if each["rule"] == "pricing") for event in events[1:]]
    assert [each["points"] for each in pricing] == [5.0, 2.5]
    assert set(pricing[0]) == {"score", "rule", "signal", "points"}
    plain = (await api.told(f"/v1/leads/{lead['id']}/events"))["data"]
    assert plain == [{key: event[key] for key in event.keys() - {"signals", "points"}} for event in events]


async def test_transitions_list_each_stage_change_latest_first(api: Api) -> None:
    await ingest(api, newsletter())
    await ingest(api, track())
    lead = await api.lead(user_id="u1")
    page = await api.told(f"/v1/leads/{lead['id']}/transitions")
    assert [(item["from_stage"], item["to_stage"]) for item in page["data"]] == [("lead", "sql"), ("interest", "lead")]
    keys = {"id", "lead_id", "from_stage", "to_stage", "at", "cause", "model_version", "scores", "notify"}
    assert all(set(item) == keys for item in page["data"])
    latest = page["data"][0]
    assert (latest["cause"], latest["lead_id"], latest["notify"]) == ("event", lead["id"], True)
