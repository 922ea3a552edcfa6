"""Quotas over HTTP: what is counted for whom, and what a client is told that has sent too much."""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from httpx import ASGITransport, AsyncClient

from tests.api.harness import Api, accepted, assert_problem, assert_refused, running, track


@pytest.fixture
async def limited(sqlite_url: str) -> AsyncIterator[Api]:
    """Ten a day for each key, and four of them for each address."""
    quotas: dict[str, Any] = {"quota_per_key": "10/day", "quota_per_address": "4/day"}
    async with running(sqlite_url, trusted_proxies="127.0.0.1", **quotas) as api:
        yield api


def at(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


async def test_each_message_counts_for_the_address_that_sends_it_with_a_public_key(limited: Api) -> None:
    accepted(await limited.batch(track(), track(), track()))
    accepted(await limited.send("/v1/track", track()))
    document = assert_refused(await limited.send("/v1/track", track()), 429, "quota-exceeded")
    assert document["detail"] == "This address may send 4 messages or requests in 86,400 seconds: send less."
    accepted(await limited.send("/v1/track", track(), **at("203.0.113.9")))
    assert (await limited.lead(user_id="u1"))["event_count"] == 5


async def test_a_client_learns_how_much_it_may_send_and_when_to_retry(limited: Api) -> None:
    accepted(await limited.batch(track(), track(), track()))
    headers = (await limited.batch(track(), track())).headers
    assert 0 < int(headers["Retry-After"]) <= 86_400
    assert headers["RateLimit-Policy"] == '"address";q=4;w=86400'
    assert headers["RateLimit"] == f'"address";r=1;t={headers["Retry-After"]}'


async def test_a_key_shares_its_quota_between_all_addresses(limited: Api) -> None:
    for number in range(10):
        accepted(await limited.send("/v1/track", track(), **at(f"203.0.113.{number}")))
    answer = await limited.send("/v1/track", track(), **at("203.0.113.99"))
    assert_refused(answer, 429, "quota-exceeded")
    assert re.match('"key";q=10;', answer.headers["RateLimit-Policy"])
    accepted(await limited.send("/v1/track", track(), key=limited.keys["server"]))


async def test_a_secret_key_has_no_quota_for_each_address(limited: Api) -> None:
    accepted(await limited.batch(*(track() for _ in range(10)), key=limited.keys["server"]))


async def test_questions_count_too(limited: Api) -> None:
    for _ in range(10):
        await limited.told("/v1/leads")
    assert_problem(await limited.ask("/v1/leads"), 429, "quota-exceeded")
    assert (await limited.ask("/v1/leads", "admin")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("DELETE", "/v1/leads/lookup?user_id=u1", 404), ("POST", f"/v1/retractions/{UUID(int=0)}/undo", 404)],
)
async def test_a_request_counts_once_however_often_its_route_asks_for_the_key(
    limited: Api, method: str, path: str, status: int
) -> None:
    answers = [await limited.client.request(method, path, headers=limited.bearer("admin")) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [status] * 10 + [429]


async def test_a_batch_larger_than_the_quota_takes_all_of_it(limited: Api) -> None:
    assert accepted(await limited.batch(*(track() for _ in range(5)))) == (5, 0)
    assert_refused(await limited.send("/v1/track", track()), 429, "quota-exceeded")


async def test_forms_count_and_their_page_says_when_to_retry(limited: Api) -> None:
    form = {"writeKey": limited.keys["write"], "email": "ada@example.com"}
    statuses = [(await limited.client.post("/v1/forms/f", data=form)).status_code for _ in range(5)]
    assert statuses == [200] * 4 + [429]
    page = await limited.client.post("/v1/forms/f", data=form, headers={"Accept": "text/html"})
    assert page.status_code == 429
    assert int(page.headers["Retry-After"]) > 0


async def test_a_header_of_an_untrusted_peer_does_not_change_who_pays(limited: Api) -> None:
    transport = ASGITransport(limited.app, client=("192.0.2.1", 4711))
    async with AsyncClient(
        transport=transport, base_url="http://leadscore.test", auth=(limited.keys["write"], "")
    ) as client:
        answers = [await client.post("/v1/track", json=track(), headers=at(f"203.0.113.{each}")) for each in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]


async def test_without_quotas_nothing_is_counted(web: Api) -> None:
    assert web.runtime.quotas is None
