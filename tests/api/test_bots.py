"""Quarantine: bots get the usual answer, what they send is kept and doesn't count, and people aren't caught."""

import json
from datetime import timedelta
from typing import Any

import pytest
from httpx import Response

from tests.api.forms import ADA, only_event, submit
from tests.api.harness import Api, accepted, page_view, running, track
from tests.protocol.test_bots import BROWSERS, CRAWLERS


def milliseconds(api: Api, seconds_ago: float) -> str:
    return str(round((api.clock.now - timedelta(seconds=seconds_ago)).timestamp() * 1000))


async def codes(api: Api) -> list[str]:
    return [each["code"] for each in await api.rejections()]


async def results(api: Api) -> dict[str, int]:
    """The latest hour's messages by result, summed over sources."""
    found = (await api.told("/v1/activity"))["data"]
    return {name: sum(each[name] for each in found) for name in ("accepted", "rejected", "quarantined")}


async def test_a_form_sent_too_soon_gets_the_usual_answer_and_does_not_count(api: Api) -> None:
    honest = await submit(api, {"email": "bob@example.com"})
    caught = await submit(api, ADA | {"_opened_at": milliseconds(api, 1.9)})
    assert (caught.status_code, caught.content) == (honest.status_code, honest.content)
    assert (await api.ask("/v1/leads/lookup", email="ada@example.com")).status_code == 404
    assert await codes(api) == ["too-fast"]
    assert await results(api) == {"accepted": 1, "rejected": 0, "quarantined": 1}


@pytest.mark.parametrize("opened_at", ["-60", "2", "", "never", "2026-03-10T11:59:00Z"])
async def test_a_form_that_takes_its_time_or_does_not_say_counts(web: Api, opened_at: str) -> None:
    """A clock may be fast, and so seem to be in the future."""
    sent = milliseconds(web, float(opened_at)) if opened_at.strip("-").isdigit() else opened_at
    accepted(await submit(web, ADA | {"_opened_at": sent}))
    assert (await only_event(web))["properties"] == ADA | {"form": "contact"}
    assert await codes(web) == []


@pytest.mark.parametrize(("minimum", "seconds", "expected"), [(10, 5, ["too-fast"]), (0, 0, [])])
async def test_the_minimum_can_be_set_and_switched_off(
    sqlite_url: str, minimum: int, seconds: int, expected: list[str]
) -> None:
    async with running(sqlite_url, form_min_seconds=minimum) as web:
        await submit(web, ADA | {"_opened_at": milliseconds(web, seconds)})
        assert await codes(web) == expected


async def every_route(api: Api, agent: str, key: str | None = None) -> list[Response]:
    sent: list[tuple[str, Any]] = [
        ("/v1/track", track()),
        ("/v1/p", page_view()),
        ("/v1/batch", {"batch": [track(), {"type": "track", "userId": "u1"}]}),
        ("/v1/import", {"batch": [track()]}),
        ("/v1/forms/contact", ADA),
    ]
    typed = {"Content_Type": "application/json", "User_Agent": agent}
    return [await api.send(path, document, key=key, **typed) for path, document in sent]


async def test_crawlers_are_quarantined_on_every_route(api: Api) -> None:
    answers = await every_route(api, CRAWLERS[0])
    assert [accepted(answer)[0] for answer in answers] == [1, 1, 2, 1, 1]
    assert await codes(api) == ["crawler"] * 6
    assert (await api.told("/v1/leads"))["data"] == []
    assert await results(api) == {"accepted": 0, "rejected": 0, "quarantined": 6}


@pytest.mark.parametrize("agent", [BROWSERS[0], "python-httpx/0.28.1"])
async def test_other_agents_are_not(web: Api, agent: str) -> None:
    await every_route(web, agent)
    assert await codes(web) == ["validation-error"]


async def test_secret_keys_are_not_judged_by_their_agent(web: Api) -> None:
    await every_route(web, CRAWLERS[0], key=web.keys["server"])
    assert await codes(web) == ["validation-error"]


async def test_crawlers_can_be_let_in(sqlite_url: str) -> None:
    async with running(sqlite_url, quarantine_crawlers="off") as web:
        await every_route(web, CRAWLERS[0])
        assert await codes(web) == ["validation-error"]


async def test_an_empty_batch_of_a_crawler_is_nothing(web: Api) -> None:
    answer = await web.send("/v1/batch", {"batch": []}, User_Agent=CRAWLERS[0])
    assert (accepted(answer), await codes(web)) == ((0, 0), [])


async def test_a_quarantined_form_is_kept_as_it_was_sent(web: Api) -> None:
    await submit(web, ADA | {"_gotcha": "buy", "password": "the marker"}, Referer="https://www.example.com/contact")
    [kept] = await web.rejections()
    assert json.loads(kept["body"])["traits"] == ADA
    assert "example.com/contact" in kept["body"]
    assert "marker" not in kept["body"]
