"""Previews over HTTP: what a version would change if it were published, and that asking changes nothing."""

from datetime import timedelta
from typing import Any

from tests.api.harness import Api, accepted, assert_problem, page_view, small_model, track
from tests.services.harness import NOW

PREVIEW = {"before", "after", "leads", "evaluated", "notifications", "stages", "moves", "scores", "movers"}
MOVER = {"lead_id", "distance", "before", "after", "ledger_changes"}


async def crowd(api: Api) -> None:
    """Two who asked for a demo, and three who looked at prices."""
    messages = [track(userId=f"u{number}") for number in range(2)]
    messages += [page_view(anonymousId=f"a{number}") for number in range(3)]
    assert accepted(await api.batch(*messages)) == (5, 0)


async def preview(api: Api, version: int, **wanted: Any) -> Any:
    answer = await api.do(f"/v1/models/{version}/preview", wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_preview_counts_the_leads_of_each_stage_before_and_after(api: Api) -> None:
    await crowd(api)
    told = await preview(api, await api.draft(small_model()))
    assert set(told) == PREVIEW
    assert [told[name] for name in ("before", "after", "leads", "evaluated", "notifications")] == [1, 2, 5, 5, 2]
    assert {name: count for name, count in told["stages"]["before"].items() if count} == {"visitor": 3, "sql": 2}
    assert told["stages"]["after"] == {"visitor": 3, "hot": 2}
    assert told["moves"] == [
        {"from_stage": "visitor", "to_stage": "visitor", "leads": 3, "lead_ids": await ids(api, "interest")},
        {"from_stage": "sql", "to_stage": "hot", "leads": 2, "lead_ids": await ids(api, "sql")},
    ]


async def ids(api: Api, stage: str) -> list[str]:
    """The ids of the leads in a stage, the oldest first."""
    return sorted(lead["id"] for lead in (await api.told("/v1/leads", stage=stage))["data"])


async def test_a_preview_shows_the_distribution_of_each_score(api: Api) -> None:
    await crowd(api)
    scores = (await preview(api, await api.draft(small_model())))["scores"]
    assert (scores["engagement"]["after"], scores["interest"]["before"]) == (None, None)
    assert scores["interest"]["after"] == {
        "mean": 4.0,
        "quantiles": {"min": 0, "p10": 0, "p25": 0, "median": 0, "p75": 10, "p90": 10, "max": 10},
        "bands": {"high": 2, "low": 3},
    }


async def test_a_preview_shows_the_biggest_movers_and_why(api: Api) -> None:
    await crowd(api)
    await api.publish(await api.draft(small_model()))
    score = {"rules": {"demo": {"signal": "demo", "points": 30}}}
    told = await preview(api, await api.draft(small_model(scores={"interest": score})))
    assert {mover["lead_id"] for mover in told["movers"]} == {
        (await api.lead(user_id=name))["id"] for name in ("u0", "u1")
    }
    assert all(set(mover) == MOVER and mover["distance"] == 20 for mover in told["movers"])
    mover = told["movers"][0]
    assert mover["before"] == {"stage": "hot", "scores": {"interest": {"value": 10, "band": "high"}}}
    assert mover["after"] == {"stage": "hot", "scores": {"interest": {"value": 30, "band": None}}}
    [change] = mover["ledger_changes"]
    assert (change["score"], change["before"]["points"], change["after"]["points"]) == ("interest", 10, 30)
    assert told["notifications"] == 0


async def test_a_preview_counts_past_events_for_a_new_signal(api: Api) -> None:
    await crowd(api)
    prices = small_model(signals={"demo": {"on": ["Page Viewed"]}}, examples=[])
    assert (await preview(api, await api.draft(prices)))["stages"]["after"] == {"visitor": 2, "hot": 3}


async def test_a_preview_of_a_sample_evaluates_that_many_leads(api: Api) -> None:
    await crowd(api)
    version = await api.draft(small_model())
    told = await preview(api, version, sample=2)
    assert (told["leads"], told["evaluated"], sum(told["stages"]["after"].values())) == (5, 2, 2)
    assert (await preview(api, version, sample=10_000_000))["evaluated"] == 5


async def test_a_preview_without_leads_is_all_zeros(api: Api) -> None:
    told = await preview(api, await api.draft(small_model()))
    assert [told[name] for name in ("leads", "evaluated", "notifications", "moves", "movers")] == [0, 0, 0, [], []]
    assert told["scores"]["interest"]["after"] == {"mean": 0.0, "quantiles": {}, "bands": {"high": 0, "low": 0}}


async def test_a_preview_of_the_active_model_shows_no_change(api: Api) -> None:
    await crowd(api)
    answer = await api.do("/v1/models/active/preview", {})
    assert (answer.json()["notifications"], answer.json()["movers"]) == (0, [])


async def test_a_preview_changes_nothing(still: Api) -> None:
    await crowd(still)
    version = await still.draft(small_model())
    still.clock.now = NOW + timedelta(days=200)
    paths = ["/v1/leads", "/v1/models", "/v1/rollouts", f"/v1/leads/{(await still.lead(user_id='u0'))['id']}/events"]
    paths.append(paths[-1].replace("events", "transitions"))
    before = [await still.told(path) for path in paths]
    await preview(still, version)
    assert [await still.told(path) for path in paths] == before


WRONG = [{"sample": 0}, {"sample": 10_000_001}, {"sample": "many"}, {"sample": 1.5}, {"more": 1}, [], None]


async def test_an_invalid_preview_is_refused(web: Api) -> None:
    for wanted in WRONG:
        assert_problem(await web.do("/v1/models/1/preview", wanted), 422, "validation-error")
    assert_problem(await web.do("/v1/models/2/preview", {}), 404, "not-found")


async def test_too_many_concurrent_previews_are_refused_with_retry_after(still: Api) -> None:
    version = await still.draft(small_model())
    async with still.runtime.preview_slot(), still.runtime.preview_slot():
        answer = await still.do(f"/v1/models/{version}/preview", {})
        assert_problem(answer, 503, "unavailable")
        assert answer.headers["Retry-After"] == "10"
    await preview(still, version)
