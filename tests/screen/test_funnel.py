"""The funnel's page: the API's numbers, drawn; no rates of few leads."""

import re

import pytest

from app.screen.funnel import MIN_LEADS
from tests.api.harness import Api
from tests.screen.harness import Browser, values

PERIOD = {"from": "2025-12-08", "to": "2026-03-04"}  # 13 weeks up to the demo's last day


def words(page: str) -> str:
    """The text of a page, with single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


async def test_the_page_has_the_numbers_of_its_questions(demo: Api) -> None:
    browser = await Browser.signed_in(demo, "read")
    page = await browser.page("/ui/funnel")
    text = words(page)
    funnel = (await demo.told("/v1/funnel", by="week", **PERIOD))["total"]
    sources = (await demo.told("/v1/sources", by="channel", **PERIOD))["sources"]
    for stage in funnel["stages"]:
        assert re.search(rf"(?:{re.escape(stage['title'])}|{stage['stage'].upper()}).*? {stage['reached']:,} ", text), (
            stage
        )
        assert f"Leads that are there now: {stage['now']:,}" in page
        if stage["conversion"] is not None and stage["reached"] / stage["conversion"] >= MIN_LEADS:
            assert f"{100 * stage['conversion']:.1f} %" in text
    for source in sources:
        assert f"{source['visitors']:,} {source['leads']['count']:,}" in text
    assert f"Lost: {funnel['lost']:,}." in text
    assert f"Lost ground {funnel['lost_ground']:,} moved down" in text


async def test_a_model_of_one_stage_has_a_funnel(api: Api, browser: Browser) -> None:
    await api.publish(await api.draft({"name": "flat", "signals": {}, "stages": [{"name": "interest"}]}))
    await api.do("/v1/batch", {"batch": [{"type": "page", "anonymousId": "a1"}]}, "server")
    text = words(await browser.page("/ui/funnel"))
    assert "People seen 1 " in text
    assert "New leads by week" not in text


async def test_the_questions_are_answered_to_a_read_key(demo: Api) -> None:
    browser = await Browser.signed_in(demo, "read")
    for path in ("/ui/funnel", "/ui/signals/pricing_viewed"):
        questions = values(await browser.page(path), "data-copy-curl")
        assert questions
        for question in questions:
            answer = await demo.client.get(question[question.index("/v1/") :], headers=demo.bearer("read"))
            assert answer.status_code == 200


async def test_few_leads_are_counted_without_rates(api: Api, browser: Browser) -> None:
    await api.send("/v1/page", {"anonymousId": "a1", "context": {"page": {"path": "/"}}})
    text = words(await browser.page("/ui/funnel"))
    assert "0 of 1" in text
    assert not re.search(r"\d %", text.partition("By first touch")[0].partition("From seen to won")[2])


async def test_a_period_without_anybody_says_so(browser: Browser) -> None:
    assert "Nobody was first seen in this period" in await browser.page("/ui/funnel?from=2001-01-01&to=2001-02-01")


async def test_a_period_that_can_t_be_is_a_problem(browser: Browser) -> None:
    answer = await browser.get("/ui/funnel?from=2026-02-01&to=2026-01-01")
    assert answer.status_code == 422
    assert "must not be after" in answer.text


@pytest.mark.parametrize("path", ["/ui/funnel", "/ui/signals/page_viewed"])
async def test_a_year_alone_is_not_a_day(browser: Browser, path: str) -> None:
    answer = await browser.get(f"{path}?from=2026")
    assert answer.status_code == 422
    assert "must be a date, such as 2026-11-01" in answer.text


async def test_the_signals_page_has_the_series_sums(demo: Api) -> None:
    browser = await Browser.signed_in(demo, "read")
    page = await browser.page("/ui/signals/page_viewed")
    series = await demo.told("/v1/signals/series", signal="page_viewed", by="week", **PERIOD)
    assert f"{sum(point['hits'] for point in series['points']):,} hits" in words(page)
    for point in series["points"]:
        assert f"{point['hits']:,} hits by {point['people']:,} people" in page


async def test_signals_load_as_a_part_or_as_a_page(demo: Api) -> None:
    browser = await Browser.signed_in(demo, "read")
    part, page = await browser.get("/ui/signals", HX_Request="true"), await browser.get("/ui/signals?all=true")
    assert "<html" not in part.text
    assert "<html" in page.text
    assert (part.text.count('href="./signals/'), page.text.count('href="./signals/')) == (8, 26)


async def test_hostile_names_are_escaped(api: Api, browser: Browser) -> None:
    name = '"><img src=x onerror=alert(1)>'
    url = f"https://www.example.com/?utm_source={name}&utm_medium=email"
    await api.send("/v1/page", {"anonymousId": "a1", "context": {"page": {"path": name, "url": url}}})
    for path in ("/ui/funnel?by=source", "/ui/signals/page_viewed"):
        page = await browser.page(path)
        assert "onerror=alert" in page
        assert "<img" not in page


async def test_a_signal_that_is_not_in_the_model_is_a_problem(browser: Browser) -> None:
    assert (await browser.get("/ui/signals/nothing")).status_code == 422
