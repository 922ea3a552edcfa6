"""Rejections over HTTP: what was refused can be looked at, for as long as it is kept."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import select

from app.errors import MessageCode
from app.services.keys import create_key
from app.storage.tables import rejections
from app.workers.prune import prune
from tests.api.harness import Api, assert_problem, running, track

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "api.md"


async def named(api: Api) -> list[list[str]]:
    """The identities that are kept with each rejection, in the order in which they came."""
    async with api.runtime.database.read() as connection:
        kept = await connection.execute(select(rejections.c.identities).order_by(rejections.c.id))
        return list(kept.scalars())


async def test_a_rejection_contains_the_message_as_it_was_sent(api: Api) -> None:
    message = track(messageId="m1", properties={"note": "a\0\ud800b", "n": 2**63})
    await api.batch(message)
    [rejection] = await api.rejections()
    assert rejection.pop("id")
    assert rejection.pop("source").startswith("write-")
    assert "properties.n`" in rejection.pop("detail")
    assert json.loads(rejection.pop("body")) == message
    assert rejection == {"received_at": "2026-03-10T12:00:00Z", "code": "out-of-range", "message_id": "m1"}


async def test_rejections_are_listed_latest_first(api: Api) -> None:
    for name in ("first", "second", "third"):
        await api.batch(track(messageId=name, userId="null"))
    assert [item["message_id"] for item in await api.rejections()] == ["third", "second", "first"]


async def test_a_message_too_long_to_keep_is_truncated(web: Api) -> None:
    await web.batch(track(properties={"text": "x" * 100_000}))
    [rejection] = await web.rejections()
    assert len(rejection["body"]) == 32 * 1024


async def test_a_message_id_that_can_not_be_stored_is_left_out(api: Api) -> None:
    await api.batch(track(messageId="a\0b", userId=None), track(messageId="m" * 101), track(messageId=["x"]))
    assert [item["message_id"] for item in await api.rejections()] == [None, None, None]


async def test_a_message_that_is_not_json_is_kept_as_its_text(api: Api) -> None:
    await api.post("/v1/batch", b'{"batch": [{"a\0": "\xff", "b": NaN}]}')
    [rejection] = await api.rejections()
    assert (rejection["code"], rejection["message_id"]) == ("malformed-json", None)
    assert json.loads(rejection["body"]) == '{"a\0": "\\xff", "b": NaN}'


async def test_rejections_are_kept_for_30_days(api: Api) -> None:
    await api.batch(track(userId="null", messageId="old"))
    api.clock.now += timedelta(days=29)
    await api.batch(track(userId="null", messageId="new"))
    await prune(api.runtime)
    assert len(await api.rejections()) == 2
    api.clock.now += timedelta(days=2)
    await prune(api.runtime)
    assert [item["message_id"] for item in await api.rejections()] == ["new"]


async def test_an_out_of_range_limit_is_refused(web: Api) -> None:
    for limit in ("0", "201", "marker"):
        assert_problem(await web.ask("/v1/rejections", limit=limit), 422, "validation-error")


# --- Filters and counts -----------------------------------------------------------------------------------------

START = datetime(2026, 3, 10, 12, tzinfo=UTC)
FILTERS: dict[str, list[Any]] = {
    "code": [None, "invalid-identity", "honeypot", ["invalid-identity", "out-of-range"]],
    "source": [None, "website", "nobody"],
    "from": [None, START + timedelta(minutes=1)],
    "to": [None, START + timedelta(minutes=2)],
    "q": [None, "m1", "demo_REQUESTED", "Identified"],
}


def is_wanted(item: dict[str, Any], name: str, wanted: dict[str, Any]) -> bool:
    """What the filters say, of a rejection and its event's name."""
    codes, received = wanted.get("code", item["code"]), datetime.fromisoformat(item["received_at"])
    return (
        item["code"] in ([codes] if isinstance(codes, str) else codes)
        and item["source"] == wanted.get("source", item["source"])
        and wanted.get("from", received) <= received < wanted.get("to", received + timedelta(1))
        and wanted.get("q", "").lower().replace("_", " ") in ("", item["message_id"], name.lower())
    )


async def refuse_some(api: Api) -> dict[str, str]:
    """Have messages refused of two sources, at three times, for three reasons. Their events' names, by message id."""
    created = [await create_key(api.runtime.database, "write", name, START) for name in ("website", "shop")]
    names: dict[str, str] = {}
    for number, (made, minutes) in enumerate(product(created, range(3))):
        api.clock.now = START + timedelta(minutes=minutes)
        ids = [f"m{3 * number + each}" for each in range(3)]
        names |= dict(zip(ids, ("Demo Requested", "Identified", ""), strict=True))
        await api.batch(
            track(messageId=ids[0], userId="null"),
            {"type": "identify", "messageId": ids[1], "userId": "u1", "traits": {"n": 2**63}},
            {"type": "track", "messageId": ids[2], "userId": "u1"},
            key=made.secret,
        )
    return names


async def test_every_combination_of_filters_selects_and_counts_what_it_says(api: Api) -> None:
    names = await refuse_some(api)
    everything = (await api.told("/v1/rejections", limit=200))["data"]
    assert len(everything) == 18
    for values in product(*FILTERS.values()):
        wanted = {name: value for name, value in zip(FILTERS, values, strict=True) if value is not None}
        expected = [item for item in everything if is_wanted(item, names[item["message_id"]], wanted)]
        sent = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in wanted.items()}
        assert (await api.told("/v1/rejections", limit=200, **sent))["data"] == expected, wanted
        counts = [(each["code"], each["count"]) for each in (await api.told("/v1/rejections/counts", **sent))["data"]]
        assert counts == sorted(
            Counter(item["code"] for item in expected).items(), key=lambda each: (-each[1], each[0])
        )


async def test_pages_of_a_filtered_list_follow_each_other(api: Api) -> None:
    await refuse_some(api)
    first = await api.told("/v1/rejections", code="invalid-identity", limit=4)
    rest = await api.told("/v1/rejections", code="invalid-identity", limit=4, cursor=first["next_cursor"])
    found = [item["message_id"] for item in first["data"] + rest["data"]]
    assert found == ["m15", "m12", "m9", "m6", "m3", "m0"]
    other = await api.ask("/v1/rejections", code="out-of-range", cursor=first["next_cursor"])
    assert_problem(other, 400, "malformed-request")


@pytest.mark.parametrize(
    "wrong",
    [
        {"q": ""},
        {"q": "a\0b"},
        {"code": "a\0b"},
        {"source": "\0"},
        {"from": "2026-03-10"},
        {"from": "2026-03-11T00:00:00Z", "to": "2026-03-10T00:00:00Z"},
        {"from": "2026-03-10T01:00:00+01:00", "to": "2026-03-10T00:00:00Z"},
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused(web: Api, wrong: dict[str, str]) -> None:
    for path in ("/v1/rejections", "/v1/rejections/counts"):
        assert_problem(await web.ask(path, **wrong), 422, "validation-error")


async def test_a_misspelt_code_is_refused_with_those_that_exist(web: Api) -> None:
    answers = [
        await web.ask("/v1/rejections", code="too_fast"),
        await web.ask("/v1/rejections/counts", code="too_fast"),
        await web.do("/v1/rejections/release", {"code": ["too_fast"], "dry_run": True}),
    ]
    for answer in answers:
        assert "'too-fast'" in assert_problem(answer, 422, "validation-error")["detail"]


@pytest.mark.parametrize("code", get_args(MessageCode))
async def test_each_code_is_known_to_the_filter_and_the_documentation(web: Api, code: str) -> None:
    assert (await web.told("/v1/rejections", code=code))["data"] == []
    assert f"`{code}`" in DOCUMENTATION.read_text()


async def test_a_release_of_no_time_is_refused(web: Api) -> None:
    span = {"from": "2026-03-11T00:00:00Z", "to": "2026-03-10T00:00:00Z"}
    answer = await web.do("/v1/rejections/release", span)
    assert "`from` must be before `to`" in assert_problem(answer, 422, "validation-error")["detail"]


# --- Whom they name ---------------------------------------------------------------------------------------------


async def test_a_rejection_keeps_whom_it_names_and_does_not_show_it(api: Api) -> None:
    traits = {"email": "Ada@Example.com", "phone": "+49 30 123456"}
    await api.batch({"type": "identify", "userId": "null", "anonymousId": "a1", "traits": traits}, track(event=""))
    assert await named(api) == [["email:ada@example.com", "phone:+4930123456", "anonymous_id:a1"], ["user_id:u1"]]
    assert not any("identities" in item for item in await api.rejections())


async def test_a_number_without_its_country_is_read_as_that_of_an_event_would_be(database_url: str) -> None:
    async with running(database_url, phone_region="DE") as api:
        await api.batch({"type": "identify", "userId": "null", "traits": {"phone": "030 123456"}})
        assert await named(api) == [["phone:+4930123456"]]


async def test_a_message_whose_event_the_key_does_not_list_keeps_whom_it_names(api: Api) -> None:
    key = await api.new_key("write", events=["Page Viewed"])
    await api.batch(track("Order Completed", context={"traits": {"email": "ada@example.com"}}), key=key)
    assert await named(api) == [["user_id:u1", "email:ada@example.com"]]


@pytest.mark.parametrize("fault", [{"_gotcha": "buy"}, {"userId": "null"}, {"_next": "https://elsewhere.example"}])
async def test_a_form_that_is_refused_keeps_whom_it_names(api: Api, fault: dict[str, str]) -> None:
    await api.client.post(
        "/v1/forms/contact", data={"writeKey": api.keys["write"], "E-Mail": "ada@example.com"} | fault
    )
    assert await named(api) == [["email:ada@example.com"]]


@pytest.mark.parametrize(
    "body", [b'{"batch": [{"userId": "u1", "n": NaN}]}', b'{"batch": ["{\\"userId\\": \\"u1\\"}"]}']
)
async def test_a_message_that_can_not_be_read_names_nobody(api: Api, body: Any) -> None:
    await api.post("/v1/batch", body)
    assert await named(api) == [[]]
