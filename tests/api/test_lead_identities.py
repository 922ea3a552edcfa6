"""What a lead is known by, over HTTP: since when, from which source, and from which merged lead."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.api.harness import Api, accepted, assert_problem, page_view, track
from tests.api.people import ingest


async def identities(api: Api, lead_id: str, **asked: Any) -> list[Any]:
    page = await api.told(f"/v1/leads/{lead_id}/identities", **asked)
    data: list[Any] = page["data"]
    return data


async def merged(api: Api) -> tuple[str, str]:
    """The visitor a1, who turns out to be u1 a day later, and gives an address after another day. Gives both ids."""
    accepted(await api.batch(page_view(anonymousId="a1")))
    visitor = (await api.lead(anonymous_id="a1"))["id"]
    await ingest(api, track(userId="u1"))
    api.clock.now += timedelta(days=1)
    await ingest(api, track(userId="u1", anonymousId="a1"))
    api.clock.now += timedelta(days=1)
    await ingest(api, {"type": "identify", "userId": "u1", "traits": {"email": "u1@example.com"}})
    return visitor, (await api.lead(user_id="u1"))["id"]


async def test_each_identity_says_since_when_and_from_where_it_is_known(api: Api) -> None:
    visitor, survivor = await merged(api)
    found = {item["kind"]: item for item in await identities(api, survivor)}
    assert {kind: (item["value"], item["since"]) for kind, item in found.items()} == {
        "anonymous_id": ("a1", "2026-03-10T12:00:00Z"),
        "email": ("u1@example.com", "2026-03-12T12:00:00Z"),
        "user_id": ("u1", "2026-03-10T12:00:00Z"),
    }
    assert {kind: item["source"].partition("-")[0] for kind, item in found.items()} == {
        "anonymous_id": "write",
        "email": "server",
        "user_id": "server",
    }
    assert {kind: (item["merged_from"], item["merged_at"]) for kind, item in found.items()} == {
        "anonymous_id": (visitor, "2026-03-11T12:00:00Z"),
        "email": (None, None),
        "user_id": (None, None),
    }


async def test_identities_agree_with_the_lead_and_are_read_page_by_page(api: Api) -> None:
    visitor, survivor = await merged(api)
    whole = await identities(api, survivor)
    lead = await api.told(f"/v1/leads/{survivor}")
    pairs = {(kind, value) for kind, values in lead["identities"].items() for value in values}
    assert {(item["kind"], item["value"]) for item in whole} == pairs
    assert await identities(api, visitor) == whole  # its id resolves to the survivor
    first = await api.told(f"/v1/leads/{survivor}/identities", limit=2)
    rest = await api.told(f"/v1/leads/{survivor}/identities", limit=2, cursor=first["next_cursor"])
    assert (first["data"] + rest["data"], rest["next_cursor"]) == (whole, None)


async def test_the_identities_of_an_unknown_lead_are_404(web: Api) -> None:
    assert_problem(await web.ask(f"/v1/leads/{uuid4()}/identities"), 404, "not-found")


async def test_an_identity_that_was_split_from_a_lead_has_not_been_merged(api: Api) -> None:
    _, survivor = await merged(api)
    body = {"identities": [{"anonymous_id": "a1"}]}
    split = (await api.do(f"/v1/leads/{survivor}/split", body)).json()
    (found,) = await identities(api, split["separated"]["lead_id"])
    assert (found["value"], found["merged_from"], found["merged_at"]) == ("a1", None, None)
