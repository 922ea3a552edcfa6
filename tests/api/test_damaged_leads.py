"""Leads that can't be read, over HTTP: the answer says which lead it is and what can be done, and erasing it works."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Text, literal, update

from app.storage.tables import models
from tests.api.harness import Api, assert_problem, assert_refused, small_model, track
from tests.services.damage import damage

READS = ["/v1/leads/{0}", "/v1/leads/lookup?user_id=u1", "/v1/leads/{0}/score"]


async def damaged(api: Api) -> str:
    """The id of a lead whose row is damaged, beside a sound one."""
    await api.batch(track(), track(userId="u2"))
    lead_id: str = (await api.lead(user_id="u1"))["id"]
    await damage(api.runtime.database, UUID(lead_id))
    return lead_id


@pytest.mark.parametrize("path", [*READS, "/v1/leads/{0}/history", "/v1/leads/{0}/events", "/v1/leads/{0}/export"])
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


# --- Versions of the model --------------------------------------------------------------------------------------

LOST = {"model_version": 99}
"""A version that was never published."""


@pytest.mark.parametrize("path", [*READS, "/v1/leads/{0}/events?explain=true"])
async def test_a_read_names_the_version_that_is_missing(still: Api, path: str, logs: list[Any]) -> None:
    await still.batch(track(), track(userId="u2"))
    lead_id = (await still.lead(user_id="u1"))["id"]
    await damage(still.runtime.database, UUID(lead_id), columns=LOST)
    problem = assert_problem(await still.ask(path.format(lead_id), "admin"), 500, "damaged-lead")
    assert "version 99 of the scoring model" in problem["detail"]
    assert f"DELETE /v1/leads/{lead_id}" in problem["detail"]
    assert [line["lead"] for line in logs if line["event"] == "lead can't be evaluated"] == [lead_id]


async def test_lists_leave_out_whom_such_a_version_evaluated(still: Api) -> None:
    await still.batch(track(), track(userId="u2"))
    first, second = [(await still.lead(user_id=user))["id"] for user in ("u1", "u2")]
    await damage(still.runtime.database, UUID(first), columns=LOST)
    assert await listed(still, "last_seen_at") == [second]
    wanted: list[dict[str, str]] = [{"user_id": "u1"}, {"user_id": "u2"}]
    one, other = (await still.do("/v1/leads/lookup", {"identities": wanted}, "read")).json()["data"]
    assert (one["error"]["code"], other["lead"]["id"]) == ("damaged-lead", second)
    dry_run = {"name": "Demo Requested", "reason": "a test", "dry_run": True}
    assert [each["lead_id"] for each in (await still.do("/v1/events/retract", dry_run)).json()["effects"]] == [second]
    preview = (await still.do(f"/v1/models/{await still.draft(small_model())}/preview", {})).json()
    assert (preview["leads"], preview["evaluated"]) == (2, 1)
    erased = await still.client.delete(f"/v1/leads/{first}", headers=still.bearer("admin"))
    assert erased.status_code == 204


@pytest.mark.parametrize("document", ["{", "[]", '{"name": 3}'])
async def test_a_version_that_can_not_be_loaded_is_named(still: Api, document: str) -> None:
    await still.batch(track())
    lead_id = (await still.lead(user_id="u1"))["id"]
    damaged = await still.draft(small_model())
    for version in (damaged, await still.draft(small_model(examples=[]))):
        await still.publish(version)
    async with still.runtime.database.write() as connection:
        is_damaged = models.c.version == damaged
        await connection.execute(update(models).where(is_damaged).values(document=literal(document, Text)))
    problem = assert_problem(await still.ask(f"/v1/leads/{lead_id}"), 500, "damaged-lead")
    assert f"version {damaged} of the scoring model" in problem["detail"]
    for path in (f"/v1/leads/{lead_id}/score?model={damaged}", f"/v1/models/{damaged}/diff?with=1"):
        problem = assert_problem(await still.ask(path), 500, "damaged-model")
        assert f"Version {damaged} of the scoring model" in problem["detail"]


DAMAGES: tuple[dict[str, Any], ...] = (
    {"tally": {"signal": {"yesterday": 1}}},
    {"reached": {"interest": "once"}},
    *({column: literal("{", Text)} for column in ("tally", "scores", "separations")),
)


async def listed(api: Api, sort: str) -> list[str]:
    """The ids on all pages of the list."""
    ids, cursor = list[str](), None
    while True:
        page = await api.told("/v1/leads", sort=sort, limit=2, **({"cursor": cursor} if cursor else {}))
        ids += [each["id"] for each in page["data"]]
        if (cursor := page["next_cursor"]) is None:
            return ids


@pytest.mark.parametrize("columns", DAMAGES, ids="".join)
async def test_a_read_names_the_lead_whatever_is_damaged(web: Api, columns: dict[str, Any]) -> None:
    await web.batch(track(), track(userId="u2"))
    lead_id = (await web.lead(user_id="u1"))["id"]
    await damage(web.runtime.database, UUID(lead_id), columns=columns)
    for path in READS:
        problem = assert_problem(await web.ask(path.format(lead_id)), 500, "damaged-lead")
        assert f"DELETE /v1/leads/{lead_id}" in problem["detail"]
    found = await web.told("/v1/leads", min_score="engagement:0.5", max_score="engagement:99.5")
    assert [each["identities"]["user_id"] for each in found["data"]] == [["u2"]]


@pytest.mark.parametrize("sort", ["last_seen_at", "stage_since", "next_change", "engagement", "fit"])
async def test_lists_leave_it_out_wherever_it_is(web: Api, sort: str) -> None:
    await web.batch(*(track(userId=f"u{number}") for number in range(5)))
    ids = await listed(web, sort)
    for position, lead_id in enumerate(ids):
        await damage(web.runtime.database, UUID(lead_id), columns=DAMAGES[position])
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
