"""Releasing quarantined messages over HTTP: they count, and what was answered before is still true."""

from datetime import timedelta
from typing import Any

from httpx import Response

from tests.api.forms import ADA, only_event, submit
from tests.api.harness import Api, accepted, assert_problem, track
from tests.protocol.test_bots import CRAWLERS

NOTHING = {"dry_run": False, "released": 0, "duplicates": 0, "suppressed": 0, "skipped": 0, "left": 0}


async def release(api: Api, **wanted: Any) -> dict[str, Any]:
    answer = await api.do("/v1/rejections/release", wanted)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def crawl(api: Api, *messages: Any, key: str | None = None, **envelope: Any) -> Response:
    return await api.send("/v1/batch", {"batch": list(messages), **envelope}, key=key, User_Agent=CRAWLERS[0])


async def test_a_released_form_counts_as_of_when_it_came(api: Api) -> None:
    await submit(api, ADA | {"_gotcha": "filled in by a password manager"})
    came_at = (await api.rejections())[0]["received_at"]
    api.clock.now += timedelta(days=3)
    assert await release(api, code=["honeypot"]) == NOTHING | {"released": 1}
    event = await only_event(api)
    assert (event["occurred_at"], event["properties"]) == (came_at, ADA | {"form": "contact"})
    assert (await api.lead(email="ada@example.com"))["first_seen_at"] == came_at
    assert await api.rejections() == []


async def test_what_was_answered_before_the_release_is_still_answered(api: Api) -> None:
    await api.batch(track(), key=api.keys["server"])
    await crawl(api, track("Pricing Viewed"), track())
    lead = await api.lead(user_id="u1")
    path, moment = f"/v1/leads/{lead['id']}/score", (api.clock.now + timedelta(hours=1)).isoformat()
    api.clock.now += timedelta(hours=2)
    before = await api.told(path, as_of=moment)
    await release(api, code=["crawler"])
    assert await api.told(path, as_of=moment) == before
    assert (await api.lead(user_id="u1"))["event_count"] == 3


async def test_a_dry_run_counts_and_changes_nothing(api: Api) -> None:
    await crawl(api, track(), track(), track(userId="null"))
    listed = await api.rejections()
    assert await release(api, code=["crawler"], dry_run=True) == NOTHING | {"dry_run": True, "left": 2, "skipped": 1}
    assert await api.rejections() == listed


async def test_only_what_matches_and_can_count_is_released(api: Api) -> None:
    shop = await api.new_key("write")
    await crawl(api, track(messageId="m1"), track(messageId="m2"), track(userId="null", messageId="m3"))
    await crawl(api, track(messageId="m4"), key=shop)
    await api.batch(track(userId="null", messageId="m5"))
    ids = {each["message_id"]: each["id"] for each in await api.rejections()}
    assert await release(api, ids=[ids["m1"], ids["m3"], ids["m5"]]) == NOTHING | {"released": 1, "skipped": 2}
    assert await release(api, q="m2") == NOTHING | {"released": 1}
    before = api.clock.now.isoformat()
    assert await release(api, to=before) == NOTHING
    assert await release(api, **{"from": before}) == NOTHING | {"released": 1, "skipped": 2}
    assert [each["message_id"] for each in await api.rejections()] == ["m5", "m3"]


async def test_a_message_that_also_came_otherwise_counts_once(api: Api) -> None:
    message = track()
    await crawl(api, message, message)
    accepted(await api.batch(message))
    assert await release(api, code=["crawler"]) == NOTHING | {"duplicates": 2}
    assert (await api.lead(user_id="u1"))["event_count"] == 1


async def test_what_the_key_may_not_send_is_not_released(api: Api) -> None:
    key = await api.new_key("write", events=["Page Viewed"])
    await crawl(api, track("Order Completed"), key=key)
    assert await release(api, code=["crawler"]) == NOTHING | {"skipped": 1}


async def test_erasing_a_person_deletes_what_names_them_only_in_the_batch(api: Api) -> None:
    await crawl(api, track(userId="u1"), context={"traits": {"email": "ada@example.com"}})
    await api.batch({"type": "identify", "userId": "u2", "traits": {"email": "ada@example.com"}})
    await api.client.delete("/v1/leads/lookup", params={"email": "ada@example.com"}, headers=api.bearer("admin"))
    assert await api.rejections() == []


async def test_a_release_needs_an_admin_and_a_filter(api: Api) -> None:
    assert_problem(await api.do("/v1/rejections/release", {"code": ["crawler"]}, "read"), 403, "insufficient-scope")
    wrong: list[dict[str, Any]] = [{}, {"dry_run": True}, {"ids": []}, {"codes": ["crawler"]}, {"q": "a\0b"}]
    for asked in wrong:
        assert_problem(await api.do("/v1/rejections/release", asked), 422, "validation-error")


async def test_the_log_says_who_released_how_many_and_nothing_of_them(api: Api, logs: list[Any]) -> None:
    await submit(api, ADA | {"_gotcha": "buy"})
    await release(api, q="Form Submitted")
    [line] = [line for line in logs if line["event"] == "quarantined messages released"]
    key = await api.runtime.keys.recognise(api.keys["admin"])
    assert (line["by"], line["released"]) == (f"key {key.id}", 1)
    assert "ada@" not in str(line).lower()
