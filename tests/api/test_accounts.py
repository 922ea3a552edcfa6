"""Accounts over HTTP: one, lists of them, and of their leads."""

import asyncio
from typing import Any

import pytest

from app.workers.accounts import count_accounts
from tests.api.harness import Api, assert_problem

GROUP = {"type": "group", "groupId": "globex", "userId": "u1", "traits": {"name": "Globex", "seats": 40}}
ADA, BOB = (
    {"type": "track", "event": "Demo Requested", "anonymousId": name, "context": {"traits": {"email": email}}}
    for name, email in (("ada", "ada@acme.example"), ("bob", "bob@acme.example"))
)


async def fill(api: Api) -> dict[str, Any]:
    """Two people of one domain and one of a group. Gives the accounts by their domain or the group's id."""
    await api.batch(ADA, BOB, GROUP, key=api.keys["server"])
    await count_accounts(api.runtime, asyncio.Event())
    return {account["value"]: account for account in (await api.told("/v1/accounts"))["data"]}


async def listed(api: Api, **params: Any) -> list[str]:
    """The domains and group ids of the accounts on all pages, each of which holds one."""
    found: list[str] = []
    while True:
        page = await api.told("/v1/accounts", limit=1, **params)
        found += [account["value"] for account in page["data"]]
        if page["next_cursor"] is None:
            return found
        params["cursor"] = page["next_cursor"]


async def test_an_account_shows_what_its_leads_add_up_to(still: Api) -> None:
    acme = (await fill(still))["acme.example"]
    assert await still.told(f"/v1/accounts/{acme['id']}") == acme
    leads = (await still.told("/v1/leads", account=acme["id"]))["data"]
    assert acme["scores"]["engagement"] == {
        "highest": leads[0]["scores"]["engagement"]["value"],
        "lead_id": min(lead["id"] for lead in leads),
        "sum": sum(lead["scores"]["engagement"]["value"] for lead in leads),
    }
    assert (acme["kind"], acme["leads"], acme["stage"], acme["stages"]) == ("domain", 2, "sql", {"sql": 2})
    assert (acme["first_seen_at"], acme["last_seen_at"]) == ("2026-03-10T12:00:00Z", "2026-03-10T12:00:00Z")
    assert (acme["model_version"], acme["as_of"], acme["traits"]) == (1, "2026-03-10T12:00:00Z", {})
    assert acme["position"] == int((await still.told("/v1/changes", after="latest"))["next_cursor"])


async def test_a_group_has_its_traits_and_its_leads_name_it(still: Api) -> None:
    globex = (await fill(still))["globex"]
    assert (globex["kind"], globex["traits"]) == ("group", {"name": "Globex", "seats": 40})
    reference = {name: globex[name] for name in ("id", "kind", "value")}
    assert (await still.lead(user_id="u1"))["account"] == reference
    await still.batch({"type": "track", "event": "Liked", "anonymousId": "a9"})
    assert (await still.lead(anonymous_id="a9"))["account"] is None


async def test_accounts_are_filtered_sorted_and_paged(still: Api) -> None:
    await fill(still)
    queries: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["acme.example", "globex"]),
        ({"sort": "engagement.sum"}, ["acme.example", "globex"]),
        ({"q": "glob"}, ["globex"]),
        ({"stage": ["sql", "customer"]}, ["acme.example"]),
        ({"min_score": ["engagement:1", "engagement.sum:1"]}, ["acme.example"]),
        ({"seen_after": "2026-03-10T12:00:00Z"}, []),
    ]
    for params, expected in queries:
        assert await listed(still, **params) == expected, params


async def test_the_funnel_has_a_group_for_each_account(still: Api) -> None:
    await fill(still)
    await still.batch({"type": "track", "event": "Liked", "anonymousId": "a9"})
    groups = (await still.told("/v1/funnel", by="account"))["groups"]
    assert [(group["group"], group["leads"]) for group in groups] == [
        ("domain:acme.example", 2),
        (None, 1),
        ("group:globex", 1),
    ]


async def test_an_unknown_account_is_not_found_and_has_no_leads(web: Api) -> None:
    unknown = "00000000-0000-0000-0000-000000000000"
    assert_problem(await web.ask(f"/v1/accounts/{unknown}"), 404, "not-found")
    assert (await web.told("/v1/leads", account=unknown))["data"] == []


@pytest.mark.parametrize(
    "params",
    [{"stage": "hot"}, {"min_score": "engagement"}, {"min_score": "heat:1"}, {"sort": "heat.sum"}, {"q": "\0"}],
)
async def test_wrong_parameters_are_refused(web: Api, params: dict[str, str]) -> None:
    assert_problem(await web.ask("/v1/accounts", **params), 422, "validation-error")


async def test_a_misspelt_order_is_refused_with_those_that_exist(web: Api) -> None:
    problem = assert_problem(await web.ask("/v1/accounts", sort="size"), 422, "validation-error")
    assert problem["detail"] == "sort: unknown order; expected one of: leads, engagement, fit"


async def test_writing_keys_read_no_accounts(web: Api) -> None:
    assert_problem(await web.ask("/v1/accounts", "write"), 403, "insufficient-scope")
