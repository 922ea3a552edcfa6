"""Leads that can't be read, over HTTP: the answer says which lead it is and what can be done, and erasing it works."""

from uuid import UUID

import pytest

from tests.api.harness import Api, assert_problem, assert_refused, track
from tests.services.damage import damage


async def damaged(api: Api) -> str:
    """The id of a lead whose row is damaged, beside a sound one."""
    await api.batch(track(), track(userId="u2"))
    lead_id: str = (await api.lead(user_id="u1"))["id"]
    await damage(api.runtime.database, UUID(lead_id))
    return lead_id


@pytest.mark.parametrize(
    "path",
    [
        "/v1/leads/{0}",
        "/v1/leads/lookup?user_id=u1",
        "/v1/leads/{0}/score",
        "/v1/leads/{0}/history",
        "/v1/leads/{0}/events",
        "/v1/leads/{0}/export",
    ],
)
async def test_a_read_names_the_lead_and_the_remedy(web: Api, path: str) -> None:
    lead_id = await damaged(web)
    problem = assert_problem(await web.ask(path.format(lead_id), "admin"), 500, "damaged-lead")
    assert f"DELETE /v1/leads/{lead_id}" in problem["detail"]
    assert (await web.lead(user_id="u2"))["event_count"] == 1


async def test_a_lookup_of_several_reports_it_beside_the_others(web: Api) -> None:
    lead_id = await damaged(web)
    wanted: list[dict[str, str]] = [{"user_id": "u1"}, {"user_id": "u2"}, {"user_id": "u3"}]
    answer = await web.do("/v1/leads/lookup", {"identities": wanted}, "read")
    first, second, third = answer.json()["data"]
    assert (first["lead"], first["error"]["code"]) == (None, "damaged-lead")
    assert f"DELETE /v1/leads/{lead_id}" in first["error"]["message"]
    assert (second["lead"]["event_count"], second["error"]) == (1, None)
    assert third == {"identity": {"user_id": "u3"}, "lead": None, "error": None}


async def test_a_dry_run_of_a_retraction_leaves_it_out(web: Api) -> None:
    lead_id = await damaged(web)
    wanted = {"name": "Demo Requested", "reason": "a test", "dry_run": True}
    plan = (await web.do("/v1/events/retract", wanted)).json()
    assert (plan["events"], plan["leads"]) == (2, 2)
    (effect,) = plan["effects"]
    assert effect["lead_id"] == (await web.lead(user_id="u2"))["id"] != lead_id


DAMAGES = ({"tally": {"signal": {"yesterday": 1}}}, {"reached": {"interest": "once"}})


async def listed(api: Api, sort: str) -> list[str]:
    """The ids on all pages of the list."""
    ids, cursor = list[str](), None
    while True:
        page = await api.told("/v1/leads", sort=sort, limit=2, **({"cursor": cursor} if cursor else {}))
        ids += [each["id"] for each in page["data"]]
        if (cursor := page["next_cursor"]) is None:
            return ids


@pytest.mark.parametrize("sort", ["last_seen_at", "stage_since", "next_change", "engagement", "fit"])
async def test_lists_leave_it_out_wherever_it_is(web: Api, sort: str) -> None:
    await web.batch(*(track(userId=f"u{number}") for number in range(5)))
    ids = await listed(web, sort)
    for position, lead_id in enumerate(ids):
        await damage(web.runtime.database, UUID(lead_id), columns=DAMAGES[position % 2])
        assert await listed(web, sort) == ids[position + 1 :]
    table = await web.client.get("/v1/leads", headers=web.bearer("read") | {"Accept": "text/csv"})
    assert (table.status_code, table.text.count("\n")) == (200, 1)


async def test_a_split_says_the_same(web: Api) -> None:
    lead_id = await damaged(web)
    split = await web.do(f"/v1/leads/{lead_id}/split", {"identities": [{"user_id": "u1"}]})
    assert_problem(split, 500, "damaged-lead")


async def test_a_sender_does_not_learn_the_id(web: Api) -> None:
    lead_id = await damaged(web)
    answer = await web.batch(track())
    assert_refused(answer, 500, "internal-error")
    assert lead_id not in answer.text


@pytest.mark.parametrize("path", ["/v1/leads/{0}", "/v1/leads/lookup?user_id=u1"])
async def test_the_lead_can_be_erased(web: Api, path: str) -> None:
    lead_id = await damaged(web)
    erased = await web.client.delete(path.format(lead_id), headers=web.bearer("admin"))
    assert erased.status_code == 204
    assert [lead["identities"]["user_id"] for lead in (await web.told("/v1/leads"))["data"]] == [["u2"]]
    assert (await web.batch(track())).status_code == 200
