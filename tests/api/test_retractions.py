"""Retractions over HTTP: asked for, carried out by a worker, listed and undone."""

import asyncio
from uuid import uuid4

from app.storage.events import LONGEST_WRITE
from app.workers.retract import run_retractions
from tests.api.harness import Api, assert_problem, running, track


async def work(api: Api) -> None:
    await run_retractions(api.runtime, asyncio.Event())


async def test_events_are_retracted_and_restored(database_url: str) -> None:
    async with running(database_url, working=False) as api:
        await api.batch(track(messageId="m1"), track(messageId="m2"))
        wanted = {"message_ids": ["m1"], "reason": "a test"}
        planned = await api.do("/v1/events/retract", wanted | {"dry_run": True})
        assert planned.status_code == 200
        assert (planned.json()["events"], planned.json()["leads"], planned.json()["retraction"]) == (1, 1, None)
        [effect] = planned.json()["effects"]
        assert (effect["before"]["event_count"], effect["after"]["event_count"]) == (2, 1)
        api.clock.now = api.clock.now.replace(hour=13)
        answer = await api.do("/v1/events/retract", wanted)
        assert (answer.status_code, answer.json()["effects"]) == (202, [])
        made = answer.json()["retraction"]
        await work(api)
        lead = await api.lead(user_id="u1")
        assert lead["event_count"] == 1
        found = await api.told(f"/v1/retractions/{made['id']}")
        assert (found["state"], found["events"], found["reason"]) == ("retracting", 1, "a test")
        api.clock.now += LONGEST_WRITE
        await work(api)
        found = await api.told(f"/v1/retractions/{made['id']}")
        assert (found["state"], found["events"]) == ("retracted", 1)
        assert "message_ids" not in found["filter"]
        listed = {each["message_id"]: each["retraction_id"] for each in await api.events(user_id="u1")}
        assert listed == {"m1": made["id"], "m2": None}
        undoing = await api.do(f"/v1/retractions/{made['id']}/undo", {})
        assert (undoing.status_code, undoing.json()["state"]) == (202, "undoing")
        await work(api)
        assert (await api.lead(user_id="u1"))["event_count"] == 2
        [listed_one] = (await api.told("/v1/retractions"))["data"]
        assert listed_one["state"] == "undone"
        assert listed_one["undone_by"] == listed_one["created_by"] != ""


async def test_a_span_that_ends_before_it_begins_is_refused(web: Api) -> None:
    span = {"received_from": "2026-03-11T00:00:00Z", "received_before": "2026-03-10T00:00:00Z"}
    answer = await web.do("/v1/events/retract", span | {"reason": "a test", "dry_run": True})
    detail = assert_problem(answer, 422, "validation-error")["detail"]
    assert detail == "`received_from` must be before `received_before`."


async def test_what_cannot_be_retracted_is_a_problem(web: Api) -> None:
    for wanted in ({"reason": "all of it"}, {"source": "website"}, {"reason": " ", "source": "website"}):
        assert_problem(await web.do("/v1/events/retract", wanted), 422, "validation-error")
    assert_problem(
        await web.do("/v1/events/retract", {"reason": "x", "source": "y"}, "read"), 403, "insufficient-scope"
    )
    assert_problem(await web.do(f"/v1/retractions/{uuid4()}/undo", {}), 404, "not-found")
    assert_problem(await web.ask(f"/v1/retractions/{uuid4()}"), 404, "not-found")
