"""Cursors over HTTP: every list is read whole, page by page, whatever is written meanwhile."""

import base64
import math
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.api.cursors import write_cursor
from app.services.accounts import AccountFilter, AccountQuery
from app.services.lead_lists import LeadQuery
from app.services.rejections import RejectionFilter
from tests.api.harness import Api, accepted, assert_problem, track
from tests.services.harness import NOW

SORTS = ["last_seen_at", "stage_since", "next_change", "engagement"]


async def crowd(api: Api, count: int = 23) -> None:
    """People seen at few moments and with few scores, so that ties are many."""
    messages = [
        track("Demo Requested" if number % 3 else "Liked", userId=f"u{number}", timestamp=moment)
        for number in range(count)
        for moment in [(NOW - timedelta(hours=number % 4)).isoformat()]
    ]
    accepted(await api.batch(*messages))


async def climb(api: Api) -> None:
    """One person, who changes the stage with each of three events."""
    email = {"traits": {"email": "ada@example.com"}}
    for message in (track("Newsletter Subscribed", context=email), track(), track("Order Completed")):
        accepted(await api.batch(message, key=api.keys["server"]))


async def read_all(api: Api, path: str, limit: int = 5, **asked: Any) -> list[Any]:
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = await api.told(path, limit=limit, **asked, **cursor)
        assert len(page["data"]) <= limit
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("sort", SORTS)
async def test_pages_add_up_to_the_whole_list(api: Api, sort: str) -> None:
    await crowd(api)
    whole = (await api.told("/v1/leads", limit=200, sort=sort))["data"]
    assert len(whole) == 23
    assert await read_all(api, "/v1/leads", sort=sort) == whole


async def test_an_exactly_full_page_is_the_last(api: Api) -> None:
    await crowd(api, 5)
    assert (await api.told("/v1/leads", limit=5))["next_cursor"] is None


@pytest.mark.parametrize("sort", SORTS)
async def test_a_cursor_survives_writes(api: Api, sort: str) -> None:
    await crowd(api)
    before = [lead["id"] for lead in (await api.told("/v1/leads", limit=200, sort=sort))["data"]]
    first = await api.told("/v1/leads", limit=10, sort=sort)
    accepted(await api.batch(*(track(userId=f"new{number}") for number in range(10))))
    rest = await api.told("/v1/leads", limit=200, sort=sort, cursor=first["next_cursor"])
    seen = [lead["id"] for lead in first["data"] + rest["data"]]
    assert [lead for lead in seen if lead in before] == before
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("part", ["events", "transitions"])
async def test_a_leads_events_and_transitions_are_read_completely(api: Api, part: str) -> None:
    await climb(api)
    lead = await api.lead(user_id="u1")
    path = f"/v1/leads/{lead['id']}/{part}"
    whole = (await api.told(path, limit=200))["data"]
    assert len(whole) == {"events": 3, "transitions": 3}[part]
    assert await read_all(api, path, limit=1) == whole


async def test_rejections_are_read_completely(api: Api) -> None:
    for number in range(3):
        await api.batch(*(track(userId="null", messageId=f"m{number}-{item}") for item in range(4)))
    found = await read_all(api, "/v1/rejections", limit=5)
    assert len({item["message_id"] for item in found}) == len(found) == 12


def altered(cursor: str) -> list[str]:
    """The cursor with each kind of change that a hand or a proxy could make."""
    flipped = [cursor[:n] + ("A" if cursor[n] != "A" else "B") + cursor[n + 1 :] for n in range(0, len(cursor), 7)]
    forged = base64.urlsafe_b64encode(b"\0" * 6 + b'["2026-01-01T00:00:00+00:00","x"]').decode()
    return [
        *flipped,
        cursor[:-1],
        cursor[:-4],
        cursor + "A",
        cursor + "!",
        "!" + cursor,
        cursor + "=",
        forged,
        "x",
        "é",
        "\0",
    ]


ALTERED = ["/v1/leads", "/v1/rejections", *(f"/v1/leads/{{id}}/{part}" for part in ("events", "transitions"))]


@pytest.mark.parametrize("path", ALTERED)
async def test_an_altered_cursor_is_refused(web: Api, path: str) -> None:
    await crowd(web, 3)
    await web.batch(track(userId="null"), track(userId="null"))
    await climb(web)
    lead = await web.lead(user_id="u1")
    path = path.format(id=lead["id"])
    cursor = (await web.told(path, limit=1))["next_cursor"]
    for changed in altered(cursor):
        assert_problem(await web.ask(path, cursor=changed), 400, "malformed-request")


MADE_UP: list[list[Any]] = [
    [],
    [None],
    ["x"],
    [10**300],
    [0],
    [None, None],
    ["x", "y"],
    [1, 2],
    [{}, []],
    ["email", "\0"],
    ["email", 1],
    ["0001-01-01T00:00:00+14:00", str(UUID(int=1))],
    ["2026-01-01T00:00:00Z", str(UUID(int=1)), 1],
]


async def test_a_forged_cursor_is_refused(web: Api) -> None:
    """Its digest can be reckoned by anybody, so what it leads to must make sense by itself."""
    await climb(web)
    lead_id = (await web.lead(email="ada@example.com"))["id"]
    some_id = str(UUID(int=1))
    lists: dict[str, tuple[object, list[Any]]] = {
        "/v1/leads": (LeadQuery(), [NOW.isoformat(), some_id]),
        "/v1/rejections": (("rejections", RejectionFilter()), [some_id]),
        "/v1/models": ("models", [1]),
        f"/v1/leads/{lead_id}/events": (("events", UUID(lead_id)), [NOW.isoformat(), some_id]),
        f"/v1/leads/{lead_id}/transitions": (("transitions", UUID(lead_id)), [some_id]),
        f"/v1/leads/{lead_id}/identities": (("identities", UUID(lead_id)), ["email", "ada@example.com"]),
    }
    for path, (query, position) in lists.items():
        await web.told(path, cursor=write_cursor(query, position))  # so that the digest is correct
        for made_up in MADE_UP:
            answer = await web.ask(path, cursor=write_cursor(query, made_up))
            assert_problem(answer, 400, "malformed-request")


@pytest.mark.parametrize("value", [math.nan, math.inf, "marker", None])
async def test_a_forged_score_is_refused(web: Api, value: Any) -> None:
    cursor = write_cursor(LeadQuery(sort="engagement"), [value, str(UUID(int=1))])
    assert_problem(await web.ask("/v1/leads", sort="engagement", cursor=cursor), 400, "malformed-request")


@pytest.mark.parametrize("number", [True, 1.5, -1, 2**63, 1e300, math.nan, "1", None])
async def test_a_forged_number_is_refused(api: Api, number: Any) -> None:
    cursors = {
        "/v1/models": write_cursor("models", [number]),
        "/v1/suppressions": write_cursor("suppressions", [number]),
        "/v1/accounts": write_cursor(AccountQuery(AccountFilter(min_scores={})), [number, str(UUID(int=1))]),
    }
    for path, cursor in cursors.items():
        assert_problem(await api.ask(path, "admin", cursor=cursor), 400, "malformed-request")


async def test_a_cursor_is_refused_for_another_query(web: Api) -> None:
    await crowd(web)
    cursor = (await web.told("/v1/leads", limit=1))["next_cursor"]
    for asked in ({"sort": "engagement"}, {"stage": "sql"}, {"sales_ready": "true"}):
        assert_problem(await web.ask("/v1/leads", cursor=cursor, **asked), 400, "malformed-request")


async def test_an_overlong_cursor_is_refused(web: Api) -> None:
    assert_problem(await web.ask("/v1/leads", cursor="A" * 501), 422, "validation-error")
