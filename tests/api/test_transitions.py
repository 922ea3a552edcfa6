"""All transitions over HTTP: in order, by stage and by day."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.harness import Api, accepted, assert_problem, small_model, track
from tests.api.people import ingest, newsletter

PATH = "/v1/transitions"


async def three_days(api: Api) -> None:
    """u1 and u2 climb on different days."""
    await ingest(api, newsletter(userId="u1"))
    api.clock.now += timedelta(days=1)
    await ingest(api, track(userId="u1"), track(userId="u2"))
    api.clock.now += timedelta(days=1)
    await ingest(api, track("Order Completed", userId="u2"))


async def entered(api: Api, **asked: Any) -> list[tuple[str, str]]:
    """The days and stages of the transitions on a page."""
    page = await api.told(PATH, **asked)
    return [(item["at"][:10], item["to_stage"]) for item in page["data"]]


async def test_all_transitions_are_listed_the_earliest_first(api: Api) -> None:
    await three_days(api)
    whole = await entered(api)
    assert whole == [
        ("2026-03-10", "lead"),
        ("2026-03-11", "sql"),
        ("2026-03-11", "sql"),
        ("2026-03-12", "customer"),
    ]
    assert await entered(api, stage=["lead", "customer"]) == [whole[0], whole[3]]
    assert await entered(api, **{"from": "2026-03-11", "to": "2026-03-11"}) == whole[1:3]
    assert await entered(api, **{"from": "2026-03-12"}) == whole[3:]
    assert await entered(api, to="2026-03-10", stage="sql") == []


async def test_pages_of_transitions_make_up_the_whole_list(api: Api) -> None:
    await three_days(api)
    whole = (await api.told(PATH))["data"]
    found: list[Any] = []
    after: dict[str, str] = {}
    for _ in whole:
        page = await api.told(PATH, limit=1, **after)
        found += page["data"]
        after = {"after": page["next_cursor"]}
    assert (found, page["next_cursor"]) == (whole, None)
    lead = await api.lead(user_id="u1")
    of_lead = (await api.told(f"/v1/leads/{lead['id']}/transitions"))["data"]
    assert [item for item in whole if item["lead_id"] == lead["id"]] == of_lead[::-1]


async def test_transitions_into_a_renamed_stage_are_found_under_its_former_names(still: Api) -> None:
    await still.publish(await still.draft(small_model()))
    accepted(await still.batch(track()))
    stages = [{"name": "visitor"}, {**small_model()["stages"][1], "name": "ready"}]
    await still.publish(await still.draft(small_model(stages=stages, examples=[])))
    assert await entered(still, stage="ready") == [("2026-03-10", "hot")]


@pytest.mark.parametrize(
    "asked",
    [{"stage": "marker"}, {"from": "marker"}, {"limit": 0}, {"from": "2026-03-11", "to": "2026-03-10"}],
    ids=str,
)
async def test_an_invalid_filter_is_refused(web: Api, asked: Any) -> None:
    assert_problem(await web.ask(PATH, **asked), 422, "validation-error")


async def test_a_cursor_of_other_filters_is_refused(web: Api) -> None:
    await three_days(web)
    cursor = (await web.told(PATH, limit=1))["next_cursor"]
    problem = assert_problem(await web.ask(PATH, after=cursor, stage="sql"), 400, "malformed-request")
    assert problem["detail"].startswith("`after` is not valid")
