"""The funnel and the sources over HTTP."""

import csv
from io import StringIO
from typing import Any

import pytest
from httpx import Response

from tests.api.harness import Api, assert_problem, page_view, track

GOOGLE = {"page": {"path": "/", "url": "https://www.example.com/?utm_source=google&utm_medium=cpc"}}
FORM = {"type": "track", "event": "Demo Requested", "context": {"traits": {"email": "ada@example.com"}}}


async def fill(api: Api) -> None:
    """Three visitors, two of them from an advertisement, one of whom asks for a demo."""
    await api.batch(page_view(anonymousId="a1", context=GOOGLE), page_view(anonymousId="a2", context=GOOGLE))
    await api.batch(page_view(anonymousId="a3"), FORM | {"anonymousId": "a1", "messageId": "m1"})


async def table(api: Api, path: str, **params: str) -> list[dict[str, str]]:
    headers = api.bearer("read") | {"Accept": "text/csv"}
    answer = await api.client.get(path, headers=headers, params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(StringIO(answer.text)))


async def test_the_funnel_counts_leads_by_stage_and_group(api: Api) -> None:
    await fill(api)
    funnel = await api.told("/v1/funnel", by="source")
    assert (funnel["from"], funnel["to"], funnel["by"]) == ("2025-12-17", "2026-03-10", "source")
    assert (funnel["as_of"], funnel["model_version"], funnel["other"]) == ("2026-03-10T12:00:00Z", 1, None)
    assert [(group["group"], group["leads"]) for group in funnel["groups"]] == [("google", 2), (None, 1)]
    stages = {stage["stage"]: stage for stage in funnel["total"]["stages"]}
    assert "disqualified" not in stages
    assert stages["sql"] == {
        "stage": "sql",
        "title": "Sales-qualified",
        "outcome": None,
        "reached": 1,
        "conversion": 1.0,
        "conversion_from_first": 0.3333,
        "now": 1,
        "lost_ground": 0,
        "days_from_previous": {"lower": 0.0, "median": 0.0, "upper": 0.0, "leads": 1},
        "days_from_first_seen": {"lower": 0.0, "median": 0.0, "upper": 0.0, "leads": 1},
    }
    assert (stages["interest"]["conversion"], stages["customer"]["outcome"]) == (None, "won")


async def test_without_a_group_there_is_only_the_total(web: Api) -> None:
    await fill(web)
    funnel = await web.told("/v1/funnel")
    assert (funnel["total"]["leads"], funnel["groups"], funnel["other"]) == (3, [], None)


async def test_the_funnel_is_also_a_table(web: Api) -> None:
    await fill(web)
    rows = await table(web, "/v1/funnel", by="channel", limit="1")
    assert [(row["row"], row["group"]) for row in rows if row["stage"] == "sql"] == [
        ("total", ""),
        ("group", "paid_search"),
        ("other", ""),
    ]
    assert [row["reached"] for row in rows if row["stage"] == "interest"] == ["3", "2", "1"]


async def test_sources_have_rates_with_intervals(api: Api) -> None:
    await fill(api)
    sources = await api.told("/v1/sources", by="source")
    (google, nothing) = sources["sources"]
    assert (google["name"], google["visitors"], nothing["name"]) == ("google", 2, None)
    assert google["qualified"] == {"count": 1, "rate": 0.5, "low": 0.0945, "high": 0.9055}
    assert nothing["leads"] == {"count": 0, "rate": 0.0, "low": 0.0, "high": 0.7935}
    assert sources["total"]["visitors"] == 3


async def test_a_campaign_named_like_a_formula_is_disarmed_in_the_table(web: Api) -> None:
    url = "https://www.example.com/?utm_campaign=%3DHYPERLINK(1)&utm_source=x"
    await web.batch(page_view(context={"page": {"path": "/", "url": url}}))
    rows = await table(web, "/v1/sources", by="campaign")
    assert [row["name"] for row in rows] == ["", "'=HYPERLINK(1)"]
    assert (await web.told("/v1/sources", by="campaign"))["sources"][0]["name"] == "=HYPERLINK(1)"


@pytest.mark.parametrize("path", ["/v1/funnel", "/v1/sources", "/v1/signals/series?signal=pricing_viewed"])
@pytest.mark.parametrize(
    "params",
    [
        {"from": "2026-03-02", "to": "2026-03-01"},
        {"from": "2020-01-01", "to": "2026-01-01"},
        {"from": "yesterday"},
        {"by": "moon"},
        {"until": "2026-01-01"},
    ],
    ids=["backwards", "too long", "no day", "no such group", "unknown"],
)
async def test_wrong_parameters_are_refused(web: Api, path: str, params: dict[str, Any]) -> None:
    answer: Response = await web.client.get(path, headers=web.bearer("read"), params=params)
    assert_problem(answer, 422, "validation-error")


async def test_the_days_at_the_ends_of_the_calendar_are_no_fault(web: Api) -> None:
    for days in ({"from": "0001-01-01", "to": "0001-01-02"}, {"from": "9999-12-30", "to": "9999-12-31"}):
        for path in ("/v1/funnel", "/v1/sources"):
            assert (await web.told(path, **days))["total"] is not None
        for by in ("day", "week"):
            await web.told("/v1/signals/series", signal="pricing_viewed", by=by, **days)


async def test_writing_keys_read_no_reports(web: Api) -> None:
    for path in ("/v1/funnel", "/v1/sources", "/v1/signals/series?signal=pricing_viewed"):
        assert_problem(await web.ask(path, "write"), 403, "insufficient-scope")


async def test_a_signal_over_time_has_people_and_hits(api: Api) -> None:
    await api.batch(*(page_view(messageId=f"m{number}") for number in range(3)), page_view(anonymousId="a2"))
    series = await api.told("/v1/signals/series", signal="pricing_viewed", **{"from": "2026-03-09"})
    assert (series["signal"], series["by"], series["as_of"]) == ("pricing_viewed", "day", "2026-03-10T12:00:00Z")
    assert series["points"] == [
        {"start": "2026-03-09", "people": 0, "hits": 0},
        {"start": "2026-03-10", "people": 2, "hits": 4},
    ]


async def test_a_signal_over_time_is_also_a_table(web: Api) -> None:
    await web.batch(page_view())
    rows = await table(web, "/v1/signals/series", signal="pricing_viewed", by="week", to="2026-03-15")
    assert rows[-1] == {"signal": "pricing_viewed", "start": "2026-03-09", "people": "1", "hits": "1"}


async def test_a_signal_by_page_shows_which_pages_bring_leads(api: Api) -> None:
    await api.batch(
        page_view("/pricing/eu"), page_view(anonymousId="a2"), FORM | {"anonymousId": "a1", "messageId": "m1"}
    )
    pages = await api.told("/v1/signals/series", signal="pricing_viewed", by="page.path", limit=1)
    assert (pages["by"], pages["complete"], pages["as_of"]) == ("page.path", True, "2026-03-10T12:00:00Z")
    assert pages["pages"] == [
        {"path": "/pricing/eu", "hits": 1, "people": 1, "leads": 1, "rate": 1.0, "low": 0.2065, "high": 1.0}
    ]
    rows = await table(api, "/v1/signals/series", signal="pricing_viewed", by="page.path")
    assert [(row["path"], row["leads"]) for row in rows] == [("/pricing/eu", "1"), ("/pricing", "0")]


async def test_an_unknown_signal_is_refused_with_a_suggestion(web: Api) -> None:
    await web.batch(track())
    problem = assert_problem(await web.ask("/v1/signals/series", signal="pricing_view"), 422, "validation-error")
    assert problem["errors"] == [{"path": "signal", "message": "unknown signal; did you mean pricing_viewed?"}]
