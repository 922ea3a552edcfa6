"""Rejections over HTTP: what was refused can be looked at, for as long as it is kept."""

import json
from datetime import timedelta

from app.workers.prune import prune
from tests.api.harness import Api, assert_problem, track


async def test_a_rejection_reads_as_it_was_sent(api: Api) -> None:
    message = track(messageId="m1", properties={"note": "a\0\ud800b", "n": 2**63})
    await api.batch(message)
    [rejection] = await api.rejections()
    assert rejection.pop("id")
    assert rejection.pop("source").startswith("write-")
    assert "properties.n`" in rejection.pop("detail")
    assert json.loads(rejection.pop("body")) == message
    assert rejection == {"received_at": "2026-03-10T12:00:00Z", "code": "out-of-range", "message_id": "m1"}


async def test_rejections_are_listed_the_latest_first(api: Api) -> None:
    for name in ("first", "second", "third"):
        await api.batch(track(messageId=name, userId="null"))
    assert [item["message_id"] for item in await api.rejections()] == ["third", "second", "first"]


async def test_a_message_too_long_to_keep_is_cut(web: Api) -> None:
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


async def test_a_limit_out_of_bounds_is_refused(web: Api) -> None:
    for limit in ("0", "201", "marker"):
        assert_problem(await web.ask("/v1/rejections", limit=limit), 422, "validation-error")
