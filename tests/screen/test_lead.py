"""One lead's page: the numbers are the API's, whatever the moment, and no text gets out of its place."""

import asyncio
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from app.scoring.strings import trimmed
from app.screen.formats import number, points
from app.workers.retract import run_retractions
from tests.api.harness import Api, accepted
from tests.screen.harness import Browser, tags, values
from tests.screen.people import BUYER, HOSTILE, send_people

TEXT = re.compile(r"<[^>]*>")
CELL = re.compile(r'<td class="p">([^<]*)</td>')


async def find(api: Api, **identity: str) -> str:
    lead_id: str = (await api.lead(**identity))["id"]
    return lead_id


async def ask_question(api: Api, page: str) -> Any:
    [path] = values(page, "data-copy-curl")
    return await api.told("/" + path.lstrip("./"))


def text_of(page: str) -> str:
    return unescape(TEXT.sub("", page))


async def test_the_ledgers_have_the_numbers_of_the_question_and_sum_to_the_score(api: Api, browser: Browser) -> None:
    await send_people(api)
    page = await browser.page(f"/ui/leads/{await find(api, email=BUYER)}?folded=false")
    document = await ask_question(api, page)
    ledgers = re.findall(r'<table class="led">.*?</table>', page, re.DOTALL)
    for ledger, score in zip(ledgers, document["scores"].values(), strict=True):
        *lines, total = CELL.findall(ledger)
        assert sorted(lines) == sorted(points(line["points"]) for line in score["ledger"])
        assert total == number(score["value"])
        cents = sum(round(float(line.replace("−", "-")) * 100) for line in lines)
        assert cents == round(float(total) * 100)


async def test_folded_lines_are_summed_and_can_be_unfolded(api: Api, browser: Browser) -> None:
    await send_people(api)
    lead_id = await find(api, email=BUYER)
    likes = [{"type": "track", "userId": "b1", "event": event} for event in ("Post Liked", "Page Viewed", "Liked")]
    old = [each | {"timestamp": (api.clock.now - timedelta(days=29)).isoformat()} for each in likes]
    comment = {
        "type": "track",
        "userId": "b1",
        "event": "Comment Posted",
        "timestamp": (api.clock.now - timedelta(days=60)).isoformat(),
    }
    accepted(await api.batch(*old, comment, key=api.keys["server"]))
    folded = await browser.page(f"/ui/leads/{lead_id}")
    assert "2 small lines" in folded
    [link] = [path for path in values(folded, "href") if "folded=false" in path]
    whole = await browser.page(f"/ui/leads/{link.partition('#')[0]}")
    assert "small lines</td>" not in whole


async def test_the_page_says_what_holds_what_is_missing_and_what_comes(api: Api, browser: Browser) -> None:
    await send_people(api)
    lead_id = await find(api, email=BUYER)
    page = text_of(await browser.page(f"/ui/leads/{lead_id}"))
    score = await api.told(f"/v1/leads/{lead_id}/score")
    assert "Is Marketing-qualified" in page
    assert f"Engagement {number(score['scores']['engagement']['value'])}, at least 40" in page
    missing = score["stage_reason"]["rungs"][1]["missing"]["any"][-1]
    assert f"{number(missing['short_by'])} more engagement" in page
    assert "Lead on " in page


@pytest.mark.parametrize("part", ["history", "events"])
async def test_a_part_is_a_page_of_its_own_without_a_script(api: Api, browser: Browser, part: str) -> None:
    await send_people(api)
    path = f"/ui/leads/{await find(api, email=BUYER)}"
    assert f"leads/{path[-36:]}/{part}" in await browser.page(path)
    assert "<html" in await browser.page(f"{path}/{part}")
    assert "<html" not in (await browser.get(f"{path}/{part}", HX_Request="true")).text


async def test_the_history_has_the_numbers_of_its_question(api: Api, browser: Browser) -> None:
    await send_people(api)
    page = await browser.page(f"/ui/leads/{await find(api, email=BUYER)}/history")
    days = (await ask_question(api, page))["data"]
    table = re.findall(r'<td class="right num">([^<]*)</td>', page)
    expected = [number(score["value"]) for each in reversed(days) for score in each["scores"].values()]
    assert table == expected
    assert page.count("forecast</span>") >= 30


async def test_the_events_have_the_points_of_their_question(api: Api, browser: Browser) -> None:
    await send_people(api)
    page = await browser.page(f"/ui/leads/{await find(api, email=BUYER)}/events")
    events = (await ask_question(api, page))["data"]
    worth = [sum(round(each["points"] * 100) for each in event["points"]) / 100 for event in events]
    assert re.findall(r"<b>([+−][\d.]+)</b>", page) == [points(each) for each in worth if each]
    assert "Became Marketing-qualified" in text_of(page)


async def test_a_retracted_event_is_marked_and_worth_nothing(api: Api, browser: Browser) -> None:
    await send_people(api)
    api.clock.now += timedelta(seconds=1)
    wanted = {"name": "Webinar Attended", "reason": "a test"}
    assert (await api.do("/v1/events/retract", wanted)).status_code == 202
    await run_retractions(api.runtime, asyncio.Event())
    page = await browser.page(f"/ui/leads/{await find(api, email=BUYER)}/events")
    events = (await ask_question(api, page))["data"]
    assert [each["points"] for each in events if each["retraction_id"]] == [[]]
    assert text_of(page).count("retracted") == 1


async def test_only_what_counts_can_be_shown(api: Api, browser: Browser) -> None:
    await send_people(api)
    path = f"/ui/leads/{await find(api, email=BUYER)}/events"
    assert "Identified" in await browser.page(path)
    assert "Identified" not in await browser.page(f"{path}?counting=true")


async def test_a_page_without_what_counts_says_that_of_itself_alone(api: Api, browser: Browser) -> None:
    accepted(await api.batch({"type": "track", "anonymousId": "a1", "event": "Window Resized"}))
    path = f"/ui/leads/{await find(api, anonymous_id='a1')}/events?counting=true"
    assert "Nothing on this page counts." in await browser.page(path)


async def test_a_past_moment_shows_what_the_api_said_then(api: Api, browser: Browser) -> None:
    await send_people(api)
    lead_id = await find(api, email=BUYER)
    known = api.clock.now
    api.clock.now += timedelta(days=20)
    await browser.sign_in("read")
    moment = (known + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    page = await browser.page(f"/ui/leads/{lead_id}?as_of={moment}")
    document = await ask_question(api, page)
    assert document["as_of"] == moment
    assert CELL.findall(page)[-1] == number(document["scores"]["fit"]["value"])
    assert number(document["scores"]["engagement"]["value"]) in CELL.findall(page)
    assert "If nothing happens" not in page
    assert "All below is as of now." in page


async def test_a_moment_before_the_lead_was_known_says_so(api: Api, browser: Browser) -> None:
    await send_people(api)
    answer = await browser.get(f"/ui/leads/{await find(api, email=BUYER)}?as_of=2020-02-03T04:05:06Z")
    assert answer.status_code == 404
    assert "Not known yet on 3 February 2020" in answer.text


async def test_a_merged_lead_leads_to_the_survivor(api: Api, browser: Browser) -> None:
    await send_people(api)
    old = await find(api, anonymous_id="device-c4d291b3")
    merge = {"type": "identify", "userId": "b1", "anonymousId": "device-c4d291b3"}
    accepted(await api.batch(merge, key=api.keys["server"]))
    answer = await browser.get(f"/ui/leads/{old}?as_of=2026-01-01T00:00:00Z")
    survivor = await find(api, email=BUYER)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{survivor}?as_of=2026-01-01T00:00:00Z")


@pytest.mark.parametrize("lead_id", ["01a20054-bf90-7148-a30d-73b502fc5ed7", "x", "%00"])
async def test_an_unknown_lead_is_a_page_that_says_so(browser: Browser, lead_id: str) -> None:
    answer = await browser.get(f"/ui/leads/{lead_id}")
    assert answer.status_code in {404, 422}
    assert 'role="alert"' in answer.text


async def test_hostile_texts_stay_texts(api: Api, browser: Browser) -> None:
    await send_people(api)
    own = f"/ui/leads/{await find(api, email=BUYER)}"
    for number_, text in enumerate(HOSTILE):
        path = f"/ui/leads/{await find(api, email=f'h{number_}@example.com')}"
        for part in ("", "/history", "/events"):
            page, plain = await browser.page(path + part), await browser.page(own + part)
            assert {tag for tag, _ in tags(page)} <= {tag for tag, _ in tags(plain)} | {"rect"}
            assert not {name for _, found in tags(page) for name in found if name.startswith(("on", "style"))}
            assert "x" * 201 not in page
        assert trimmed(text)[:20] in text_of(await browser.page(path))


async def test_a_model_may_have_neither_scores_nor_signals(api: Api, browser: Browser) -> None:
    await send_people(api)
    bare = {"name": "bare", "stages": [{"name": "visitor", "title": "Visitor"}]}
    await api.publish(await api.draft(bare))
    lead_id = await find(api, email=BUYER)
    for path in ("", "/counts", f"/{lead_id}", f"/{lead_id}/history", f"/{lead_id}/events"):
        assert "Visitor" in text_of(await browser.page(f"/ui/leads{path}")) or path.endswith("events")


async def test_scores_have_their_titles_and_one_without_points_says_so(api: Api, browser: Browser) -> None:
    model = {
        "name": "titled",
        "signals": {"bought": {"on": "Bought"}},
        "scores": {"warmth": {"title": "Interest shown", "rules": {"buyer": {"signal": "bought", "points": 4}}}},
        "stages": [{"name": "interest"}],
    }
    await api.publish(await api.draft(model))
    accepted(await api.batch({"type": "identify", "userId": "u1"}, key=api.keys["server"]))
    page = await browser.page(f"/ui/leads/{await find(api, user_id='u1')}")
    assert re.search(r"Tomorrow\s+Interest shown is", TEXT.sub("", page))
    assert "nothing counts now" in page


async def test_a_list_of_identities_says_if_it_is_cut_off(api: Api, browser: Browser) -> None:
    aliases = [{"type": "identify", "userId": "u1", "anonymousId": f"a{number}"} for number in range(201)]
    accepted(await api.batch(*aliases, key=api.keys["server"]))
    page = await browser.page(f"/ui/leads/{await find(api, user_id='u1')}")
    assert page.count("anonymous id · since") < 201
    assert "Only 200 are shown" in page
