"""The feed over HTTP: pages, waiting, and server-sent events."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from app.workers.prune import prune
from tests.api.harness import Api, accepted, assert_problem, small_model, track

ASK_FOR_EVENTS = {"Accept": "text/event-stream"}


async def changes(api: Api, **params: Any) -> list[Any]:
    data: list[Any] = (await api.told("/v1/changes", **params))["data"]
    return data


async def stream(api: Api, **headers: str) -> str:
    """All that an event stream sends until it ends: at once, since the feed is closed."""
    api.runtime.feed.close()
    answer = await api.client.get("/v1/changes", headers=api.bearer("read") | ASK_FOR_EVENTS | headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    return answer.text


async def test_a_change_has_a_position_an_id_and_the_lead(api: Api) -> None:
    await api.batch(track(event="Demo Requested"))
    created, *_ = await changes(api, types="lead.created")
    assert created.pop("id")
    assert created.pop("data")["stage"]
    lead = await api.lead(user_id="u1")
    expected = {"type": "lead.created", "at": "2026-03-10T12:00:00Z", "lead_id": lead["id"]}
    assert created == expected | {"position": created["position"]}


async def test_the_cursor_continues_where_the_page_ended(api: Api) -> None:
    await api.batch(track(userId="u1"), track(userId="u2"))
    page = await api.told("/v1/changes", limit=2)
    rest = await api.told("/v1/changes", after=page["next_cursor"])
    assert page["data"] + rest["data"] == await changes(api)
    end = await api.told("/v1/changes", after=rest["next_cursor"])
    assert end == {"data": [], "next_cursor": rest["next_cursor"]}


async def test_latest_starts_after_everything_that_has_happened(api: Api) -> None:
    await api.batch(track(userId="u1"))
    cursor = (await api.told("/v1/changes", after="latest"))["next_cursor"]
    await api.batch(track(userId="u2"))
    lead = await api.lead(user_id="u2")
    assert {change["lead_id"] for change in await changes(api, after=cursor)} == {lead["id"]}


async def test_changes_are_filtered_by_type_and_by_stage(api: Api) -> None:
    await api.batch(track(userId="u1"), track(userId="u2", event="Demo Requested"))
    stage = (await api.lead(user_id="u2"))["stage"]
    assert {change["data"]["to"] for change in await changes(api, stage=stage)} == {stage}
    types = ["lead.created", "model.published"]
    assert {change["type"] for change in await changes(api, types=types)} == set(types)


async def test_a_reader_waits_for_the_next_change(api: Api) -> None:
    cursor = (await api.told("/v1/changes", after="latest"))["next_cursor"]
    waiting = asyncio.create_task(changes(api, after=cursor, wait=20))
    await asyncio.sleep(0)
    await api.batch(track(userId="u1"))
    assert [change["type"] for change in await waiting][:1] == ["lead.created"]


async def test_events_carry_the_position_as_their_id(api: Api) -> None:
    await api.batch(track(event="Demo Requested"))
    expected = await changes(api)
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines()) for block in (await stream(api)).split("\n\n")[:-1]
    ]
    assert [json.loads(block["data"]) for block in blocks] == expected
    assert [(block["id"], block["event"]) for block in blocks] == [(str(e["position"]), e["type"]) for e in expected]


async def test_a_stream_resumes_after_the_last_event_id(api: Api) -> None:
    await api.batch(track())
    *_, last = await changes(api)
    resumed = await stream(api, **{"Last-Event-ID": str(last["position"] - 1)})
    assert resumed.count("event: ") == 1
    assert await stream(api, **{"Last-Event-ID": str(last["position"])}) == f"id: {last['position']}\n\n"


async def test_a_position_that_was_pruned_is_gone(api: Api) -> None:
    await api.batch(track())
    api.clock.now += timedelta(days=31)
    await prune(api.runtime)
    assert_problem(await api.ask("/v1/changes", after="0"), 410, "gone")
    events = await api.client.get("/v1/changes?after=0", headers=api.bearer("read") | ASK_FOR_EVENTS)
    assert_problem(events, 410, "gone")
    assert await changes(api) == []


async def test_an_unknown_stage_is_refused_rather_than_never_entered(web: Api) -> None:
    problem = assert_problem(await web.ask("/v1/changes", stage=["sql", "customers"]), 422, "validation-error")
    assert problem["errors"] == [{"path": "stage", "message": "unknown stage; did you mean customer?"}]
    events = await web.client.get("/v1/changes?stage=", headers=web.bearer("read") | ASK_FOR_EVENTS)
    assert_problem(events, 422, "validation-error")


async def test_changes_into_a_renamed_stage_are_found_under_its_former_names(still: Api) -> None:
    await still.publish(await still.draft(small_model()))
    accepted(await still.batch(track()))
    stages = [{"name": "visitor"}, {**small_model()["stages"][1], "name": "ready"}]
    await still.publish(await still.draft(small_model(stages=stages, examples=[])))
    assert [change["data"]["to"] for change in await changes(still, stage="ready")] == ["hot"]


@pytest.mark.parametrize(
    "params",
    [
        {"after": "-1"},
        {"after": "soon"},
        {"after": "9" * 19},
        {"types": "lead"},
        {"limit": 0},
        {"wait": 31},
        {"waits": 1},
    ],
)
async def test_an_unusable_parameter_is_refused(web: Api, params: dict[str, Any]) -> None:
    assert_problem(await web.ask("/v1/changes", **params), 422, "validation-error")


async def test_an_unusable_position_is_refused_with_what_is_usable(web: Api) -> None:
    problem = assert_problem(await web.ask("/v1/changes", after="soon"), 422, "validation-error")
    assert problem["detail"] == "after: must be a `next_cursor` of this feed, `latest`, or empty"


async def test_only_readers_see_the_feed(web: Api) -> None:
    assert_problem(await web.ask("/v1/changes", "write"), 403, "insufficient-scope")
