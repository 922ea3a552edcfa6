"""Looking back over HTTP: scores as of another moment, by another model, and day by day."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.api.harness import Api, accepted, assert_problem, page_view, small_model, track
from tests.services.harness import NOW

DAY = timedelta(days=1)


async def ingest(api: Api, *messages: Any) -> str:
    """Send messages of u1. Gives the lead's id."""
    assert accepted(await api.batch(*messages)) == (len(messages), 0)
    return str((await api.lead(user_id="u1"))["id"])


async def history(api: Api, lead_id: str, **asked: Any) -> Any:
    page = await api.told(f"/v1/leads/{lead_id}/history", **asked)
    assert page["next_cursor"] is None
    return page["data"]


def days(found: Any) -> list[str]:
    return [item["on"] for item in found]


# --- As of, and by which model ----------------------------------------------------------------------------------


async def test_a_score_by_any_version_changes_nothing(still: Api) -> None:
    lead_id = await ingest(still, track())
    before = await still.told(f"/v1/leads/{lead_id}")
    version = await still.draft(small_model())
    told = await still.told(f"/v1/leads/{lead_id}/score", model=version)
    assert (told["stage"], told["model_version"], told["id"]) == ("hot", 2, lead_id)
    assert {name: score["value"] for name, score in told["scores"].items()} == {"interest": 10}
    assert await still.told(f"/v1/leads/{lead_id}") == before


async def test_as_of_a_past_moment_uses_the_model_active_then(still: Api) -> None:
    lead_id = await ingest(still, track())
    served = await still.told(f"/v1/leads/{lead_id}/score")
    still.clock.now += DAY
    await still.publish(await still.draft(small_model()))
    assert await still.told(f"/v1/leads/{lead_id}/score", as_of=NOW.isoformat()) == served
    assert (await still.told(f"/v1/leads/{lead_id}/score"))["model_version"] == 2


async def test_as_of_a_past_moment_another_model_can_be_applied(api: Api) -> None:
    lead_id = await ingest(api, page_view(userId="u1"))
    version = await api.draft(small_model())
    api.clock.now += DAY
    await ingest(api, track())
    told = [
        await api.told(f"/v1/leads/{lead_id}/score", model=version, as_of=moment.isoformat())
        for moment in (NOW, NOW + DAY, NOW + 100 * DAY)
    ]
    assert [(each["stage"], each["model_version"]) for each in told] == [("visitor", 2), ("hot", 2), ("hot", 2)]


async def test_as_of_a_moment_before_anything_was_known_is_404(api: Api) -> None:
    lead_id = await ingest(api, track(timestamp="2026-03-01T12:00:00Z"))
    answer = await api.ask(f"/v1/leads/{lead_id}/score", as_of="2026-03-10T11:59:59Z")
    assert "later" in assert_problem(answer, 404, "not-found")["detail"]


async def test_an_unknown_model_version_is_refused(web: Api) -> None:
    lead_id = await ingest(web, track())
    for part in ("score", "history"):
        assert_problem(await web.ask(f"/v1/leads/{lead_id}/{part}", model=2), 404, "not-found")
        for model in (0, -1, "marker", 2**31, "9" * 5_000):
            answer = await web.ask(f"/v1/leads/{lead_id}/{part}", model=model)
            [fault] = assert_problem(answer, 422, "validation-error")["errors"]
            assert fault["path"] == "model"


# --- Day by day -------------------------------------------------------------------------------------------------


async def test_a_day_shows_the_lead_as_of_its_end(api: Api) -> None:
    lead_id = await ingest(api, page_view(userId="u1"))
    api.clock.now += DAY
    await ingest(api, track())
    api.clock.now += DAY
    found = await history(api, lead_id)
    assert all(set(item) == {"on", "forecast", "id", "stage", "scores", "model_version"} for item in found)
    assert [(item["on"], item["stage"]) for item in found] == [
        ("2026-03-10", "interest"),
        ("2026-03-11", "sql"),
        ("2026-03-12", "sql"),
    ]
    for item in found[:-1]:
        score = await api.told(f"/v1/leads/{lead_id}/score", as_of=f"{item['on']}T23:59:59.999999Z")
        told = {name: {"value": each["value"], "band": each["band"]} for name, each in score["scores"].items()}
        assert (item["scores"], item["stage"], item["id"]) == (told, score["stage"], score["id"])


async def test_today_shows_the_lead_as_of_now(api: Api) -> None:
    lead_id = await ingest(api, page_view(userId="u1"))
    await ingest(api, track())
    lead = await api.lead(user_id="u1")
    [today] = await history(api, lead_id)
    assert (today["stage"], today["scores"], today["id"]) == (lead["stage"], lead["scores"], lead["id"])
    assert today["on"] == "2026-03-10"


async def test_days_before_anything_was_known_are_left_out(api: Api) -> None:
    lead_id = await ingest(api, track(timestamp="2026-03-01T12:00:00Z"))
    api.clock.now += 2 * DAY
    assert days(await history(api, lead_id)) == ["2026-03-10", "2026-03-11", "2026-03-12"]
    assert await history(api, lead_id, to="2026-03-09") == []
    assert await history(api, lead_id, to="0001-01-01") == []


async def test_history_covers_thirty_days_by_default(api: Api) -> None:
    lead_id = await ingest(api, track())
    api.clock.now += 400 * DAY
    today = api.clock.now.date()
    assert days(await history(api, lead_id)) == [str(today - day * DAY) for day in range(29, -1, -1)]
    assert days(await history(api, lead_id, to="2026-05-01"))[::29] == ["2026-04-02", "2026-05-01"]
    assert days(await history(api, lead_id, **{"from": str(today - 2 * DAY)}))[0] == str(today - 2 * DAY)
    only = {"from": "2026-04-01", "to": "2026-04-01"}
    assert days(await history(api, lead_id, **only)) == ["2026-04-01"]


async def test_days_to_come_show_what_time_alone_will_do(api: Api) -> None:
    lead_id = await ingest(api, page_view(userId="u1"), track())
    found = await history(api, lead_id, **{"from": "2026-03-09", "to": "2026-09-01"})
    assert [item["on"] for item in found if not item["forecast"]] == ["2026-03-10"]
    change = (await api.lead(user_id="u1"))["next_change"]
    first = next(item for item in found if item["stage"] != found[0]["stage"])
    assert {"on": first["on"], "stage": first["stage"]} == change
    for item in (found[1], first, found[-1]):
        score = await api.told(f"/v1/leads/{lead_id}/score", as_of=f"{item['on']}T23:59:59.999999Z")
        served = {name: {"value": each["value"], "band": each["band"]} for name, each in score["scores"].items()}
        assert (item["scores"], item["stage"]) == (served, score["stage"])
    assert await history(api, lead_id, **{"from": "2026-03-20", "to": "2026-03-21"}) == found[10:12]


async def test_history_reaches_up_to_366_days_ahead(web: Api) -> None:
    lead_id = await ingest(web, track())
    ahead = {"from": "2026-03-11", "to": "2027-03-11"}
    assert len(await history(web, lead_id, **ahead)) == 366
    answer = await web.ask(f"/v1/leads/{lead_id}/history", **ahead | {"to": "2027-03-12"})
    assert "366 days ahead" in assert_problem(answer, 422, "validation-error")["detail"]


async def test_history_covers_up_to_366_days(api: Api) -> None:
    lead_id = await ingest(api, track())
    api.clock.now += 1_000 * DAY
    last = api.clock.now.date()
    assert len(await history(api, lead_id, **{"from": str(last - 365 * DAY)})) == 366
    answer = await api.ask(f"/v1/leads/{lead_id}/history", **{"from": str(last - 366 * DAY)})
    assert "366" in assert_problem(answer, 422, "validation-error")["detail"]


WRONG: list[dict[str, Any]] = [
    {"from": "2026-03-11"},
    {"from": "9999-12-31", "to": "9999-12-31"},
    {"from": "2026-03-09", "to": "2026-03-08"},
    {"from": "0001-01-01"},
    {"from": "marker"},
    {"to": "2026-02-30"},
    {"to": "2026-03-10T12:00:00Z"},
    {"from": ""},
]


async def test_invalid_days_are_refused(web: Api) -> None:
    lead_id = await ingest(web, track())
    for asked in WRONG:
        assert_problem(await web.ask(f"/v1/leads/{lead_id}/history", **asked), 422, "validation-error")


async def test_history_uses_the_model_active_on_each_day(still: Api) -> None:
    lead_id = await ingest(still, track())
    still.clock.now += DAY
    await still.publish(await still.draft(small_model()))
    still.clock.now += DAY
    found = await history(still, lead_id)
    assert [(item["model_version"], item["stage"]) for item in found] == [(1, "sql"), (2, "hot"), (2, "hot")]
    assert set(found[0]["scores"]) == {"engagement", "fit"}
    assert set(found[1]["scores"]) == {"interest"}


async def test_history_can_be_computed_by_another_model(api: Api) -> None:
    lead_id = await ingest(api, page_view(userId="u1"))
    version = await api.draft(small_model())
    api.clock.now += DAY
    await ingest(api, track())
    found = await history(api, lead_id, model=version)
    assert [(item["model_version"], item["stage"]) for item in found] == [(2, "visitor"), (2, "hot")]


async def test_a_merged_id_has_its_own_past_and_its_survivors_present(api: Api) -> None:
    accepted(await api.batch(page_view(anonymousId="a1")))
    retired = (await api.lead(anonymous_id="a1"))["id"]
    survivor = await ingest(api, track())
    api.clock.now += DAY
    await ingest(api, track(anonymousId="a1"))
    found = await history(api, retired)
    assert [(item["on"], item["id"]) for item in found] == [("2026-03-10", retired), ("2026-03-11", survivor)]


async def test_the_history_of_an_unknown_lead_is_404(api: Api) -> None:
    answer = await api.ask(f"/v1/leads/{uuid4()}/history")
    assert_problem(answer, 404, "not-found")
