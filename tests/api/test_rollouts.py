"""Publishing over HTTP: which model is active, and how far it has reached the leads."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.services.rollouts import CLAIM, roll_out
from tests.api.harness import Api, accepted, assert_problem, small_model, track
from tests.api.server import Server, serving
from tests.services.harness import NOW

ROLLOUT = {"id", "version", "notify", "state", "done", "total", "rate", "published_at", "published_by"}
ROLLOUT |= {"started_at", "finished_at", "expected_end"}


async def crowd(api: Api, count: int = 4) -> None:
    assert accepted(await api.batch(*(track(userId=f"u{number}") for number in range(count)))) == (count, 0)


async def run_rollout(api: Api, chunk: int = 500, chunks: int = 100) -> None:
    """As a process would that stops after so many chunks."""
    left = iter(range(chunks - 1))

    def on_chunk(*_: object) -> bool:
        return next(left, None) is not None

    await roll_out(api.runtime.database, api.runtime.models, uuid4(), api.clock, chunk, on_chunk)


class Died(Exception):
    """What a process at work does here, in the middle of it."""


async def die_at_work(api: Api) -> None:
    def on_chunk(*_: object) -> bool:
        raise Died

    with pytest.raises(Died):
        await roll_out(api.runtime.database, api.runtime.models, uuid4(), api.clock, 1, on_chunk)


async def transitions_by_model(api: Api, name: str = "u0") -> list[Any]:
    lead = await api.lead(user_id=name)
    found = (await api.told(f"/v1/leads/{lead['id']}/transitions"))["data"]
    return [item for item in found if item["cause"] == "model"]


# --- Publishing -------------------------------------------------------------------------------------------------


async def test_a_published_version_is_active_immediately(still: Api) -> None:
    await crowd(still)
    await still.draft(small_model())
    answer = await still.do("/v1/models/2/publish", {"notify": "none"})
    assert (answer.status_code, answer.headers["location"]) == (202, "/v1/rollouts/2")
    assert set(answer.json()) == ROLLOUT
    assert await still.told("/v1/rollouts/2") == answer.json()
    active = await still.told("/v1/models/active")
    assert (active["version"], active["state"], active["published_at"]) == (2, "active", "2026-03-10T12:00:00Z")
    lead = await still.lead(user_id="u0")
    assert (lead["model_version"], lead["stage"], lead["sales_ready"]) == (2, "hot", True)


@pytest.mark.parametrize("notify", ["all", "none"])
async def test_transitions_by_a_model_say_whether_subscribers_are_notified(still: Api, notify: str) -> None:
    await crowd(still)
    await still.publish(await still.draft(small_model()), notify)
    await run_rollout(still)
    [change] = await transitions_by_model(still)
    assert (change["from_stage"], change["to_stage"], change["model_version"]) == ("sql", "hot", 2)
    assert change["notify"] is (notify == "all")


async def test_publishing_the_active_version_again_changes_nothing(still: Api) -> None:
    await crowd(still)
    version = await still.draft(small_model())
    first = await still.publish(version)
    still.clock.now += timedelta(hours=1)
    assert await still.publish(version, "all") == first
    assert len((await still.told("/v1/rollouts"))["data"]) == 2


async def test_publishing_an_older_version_reverts_to_it(still: Api) -> None:
    await crowd(still)
    before = await still.lead(user_id="u0")
    await still.publish(await still.draft(small_model()))
    await run_rollout(still)
    still.clock.now += timedelta(minutes=1)
    back = await still.publish(1)
    await run_rollout(still)
    assert (back["id"], back["version"]) == (3, 1)
    after = await still.lead(user_id="u0")
    assert [after[name] for name in ("stage", "scores", "model_version")] == [
        before[name] for name in ("stage", "scores", "model_version")
    ]
    states = [(item["version"], item["state"]) for item in (await still.told("/v1/models"))["data"]]
    assert states == [(2, "retired"), (1, "active")]
    assert (await still.told("/v1/models/1"))["published_at"] == "2026-03-10T12:01:00Z"


async def test_a_version_with_failing_examples_is_not_published_and_each_is_named(api: Api) -> None:
    wrong: list[Any] = [{"name": name, "given": [], "expect": {"stage": "hot"}} for name in ("first", "third")]
    examples = [wrong[0], *small_model()["examples"], wrong[1]]
    version = await api.draft(small_model(examples=examples))
    answer = await api.do(f"/v1/models/{version}/publish", {"notify": "all"})
    document = assert_problem(answer, 422, "examples-failed")
    failure = "stage is visitor, expected hot"
    assert document["errors"] == [{"path": f"examples[{index}]", "message": failure} for index in (0, 2)]
    assert (await api.told("/v1/models/active"))["version"] == 1
    assert len((await api.told("/v1/rollouts"))["data"]) == 1


async def test_publishing_one_version_concurrently_starts_one_rollout(api: Api) -> None:
    await crowd(api)
    version = await api.draft(small_model())
    begun = await asyncio.gather(*(api.publish(version) for _ in range(8)))
    assert {rollout["id"] for rollout in begun} == {2}


WRONG: list[Any] = [{}, {"notify": "some"}, {"notify": None}, {"notify": "all", "more": 1}, [], "all", None]


async def test_publishing_requires_a_choice_about_notifications(web: Api) -> None:
    version = await web.draft(small_model())
    for wanted in WRONG:
        assert_problem(await web.do(f"/v1/models/{version}/publish", wanted), 422, "validation-error")
    assert_problem(await web.do("/v1/models/3/publish", {"notify": "all"}), 404, "not-found")
    assert_problem(await web.do("/v1/models/active/publish", {"notify": "all"}), 422, "validation-error")


# --- Progress ---------------------------------------------------------------------------------------------------


async def test_a_rollout_waits_for_a_process_to_run_it(still: Api) -> None:
    await crowd(still)
    rollout = await still.publish(await still.draft(small_model()), "all")
    assert rollout == {
        "id": 2,
        "version": 2,
        "notify": "all",
        "state": "waiting",
        "done": 0,
        "total": 4,
        "rate": None,
        "published_at": "2026-03-10T12:00:00Z",
        "published_by": (await still.runtime.keys.recognise(still.keys["admin"])).name,
        "started_at": None,
        "finished_at": None,
        "expected_end": None,
    }


async def test_a_running_rollout_reports_its_rate_and_expected_end(still: Api) -> None:
    await crowd(still)
    await still.publish(await still.draft(small_model()))
    await run_rollout(still, chunk=1, chunks=1)
    still.clock.now = NOW + timedelta(seconds=10)
    told = await still.told("/v1/rollouts/2")
    assert (told["state"], told["done"], told["total"], told["rate"]) == ("waiting", 1, 4, 0.1)
    assert (told["started_at"], told["expected_end"]) == ("2026-03-10T12:00:00Z", "2026-03-10T12:00:40Z")
    assert told["finished_at"] is None


async def test_a_rollout_waits_again_once_the_claim_of_a_dead_process_expires(still: Api) -> None:
    await crowd(still)
    await still.publish(await still.draft(small_model()))
    await die_at_work(still)
    still.clock.now = NOW + CLAIM / 2
    assert (await still.told("/v1/rollouts/2"))["state"] == "running"
    await run_rollout(still)
    assert (await still.told("/v1/rollouts/2"))["done"] == 1
    still.clock.now = NOW + CLAIM + timedelta(seconds=1)
    assert (await still.told("/v1/rollouts/2"))["state"] == "waiting"
    await run_rollout(still)
    assert (await still.told("/v1/rollouts/2"))["state"] == "done"


async def test_a_finished_rollout_reports_its_rate(still: Api) -> None:
    await crowd(still)
    await still.publish(await still.draft(small_model()))
    await run_rollout(still, chunk=3, chunks=1)
    still.clock.now = NOW + timedelta(seconds=10)
    await run_rollout(still)
    still.clock.now = NOW + timedelta(days=1)
    told = await still.told("/v1/rollouts/2")
    assert (told["state"], told["done"], told["total"], told["rate"]) == ("done", 4, 4, 0.4)
    assert (told["finished_at"], told["expected_end"]) == ("2026-03-10T12:00:10Z", None)


async def test_an_unfinished_rollout_is_superseded_by_the_next(still: Api) -> None:
    await crowd(still)
    await still.publish(await still.draft(small_model()))
    await run_rollout(still, chunk=1, chunks=1)
    await still.publish(await still.draft(small_model(name="next")))
    await run_rollout(still)
    page = await still.told("/v1/rollouts")
    assert set(page) == {"data", "next_cursor"}
    found = [(item["id"], item["state"], item["done"], item["total"]) for item in page["data"]]
    assert found == [(3, "done", 4, 4), (2, "superseded", None, 4), (1, "done", 0, 0)]


async def test_a_rollout_without_leads_is_done_immediately(still: Api) -> None:
    rollout = await still.publish(await still.draft(small_model()))
    assert (rollout["state"], rollout["done"], rollout["total"]) == ("done", 0, 0)
    assert rollout["finished_at"] == "2026-03-10T12:00:00Z"


async def test_an_unknown_rollout_is_404_and_an_invalid_id_422(web: Api) -> None:
    for rollout in ("2", str(2**31 - 1)):
        assert "/v1/rollouts" in assert_problem(await web.ask(f"/v1/rollouts/{rollout}"), 404, "not-found")["detail"]
    for rollout in ("0", "-1", "marker", str(2**31), "9" * 5_000):
        assert_problem(await web.ask(f"/v1/rollouts/{rollout}"), 422, "validation-error")


# --- Servers ----------------------------------------------------------------------------------------------------


def manage(server: Server, path: str, document: Any) -> Any:
    headers = {"Authorization": f"Bearer {server.keys['admin']}"}
    answer = httpx.post(server.url + path, json=document, headers=headers, timeout=30)
    assert answer.is_success, answer.text
    return answer.json()


def test_a_server_runs_a_rollout_by_itself(database_url: str) -> None:
    with serving(database_url) as server:
        assert server.send("/v1/batch", {"batch": [track(userId=f"u{number}") for number in range(50)]}).is_success
        manage(server, "/v1/models", small_model())
        rollout = manage(server, "/v1/models/2/publish", {"notify": "none"})
        assert rollout["total"] == 50
        while rollout["state"] != "done":  # of those that the server evaluates while they are asked about, none is left
            rollout = server.ask("/v1/rollouts/2")
        assert rollout["done"] == 50
        assert len(server.ask("/v1/leads", stage="hot", limit="200")["data"]) == 50


async def test_leads_created_during_a_rollout_are_reached_too(api: Api) -> None:
    await crowd(api)
    await api.publish(await api.draft(small_model()))
    await crowd(api, 20)
    while (await api.told("/v1/rollouts/2"))["state"] != "done":
        assert_problem(await api.ask("/v1/rollouts/3"), 404, "not-found")
    assert len((await api.told("/v1/leads", stage="hot"))["data"]) == 20
