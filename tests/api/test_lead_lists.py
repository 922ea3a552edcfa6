"""Lists of leads over HTTP: filters, orders, reasons, counts and tables."""

import csv
from datetime import timedelta
from io import StringIO
from typing import Any
from unicodedata import normalize
from urllib.parse import urlencode

import pytest

from app.services import lead_lists
from app.services.sweep import sweep_due
from tests.api.harness import Api, assert_problem, page_view, running, track
from tests.api.people import ago, ingest, ladder, names


async def test_a_list_without_leads_is_empty(api: Api) -> None:
    assert await api.told("/v1/leads") == {"data": [], "next_cursor": None}


async def test_leads_are_listed_completely_latest_seen_first(api: Api) -> None:
    await ladder(api)
    page = await api.told("/v1/leads")
    assert names(page) == ["customer", "sql", "lead", "a1"]
    assert page["next_cursor"] is None
    assert page["data"][1] == await api.lead(user_id="sql")


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"stage": "sql"}, ["sql"]),
    ({"stage": ["interest", "lead"]}, ["lead", "a1"]),
    ({"sales_ready": "true"}, ["sql"]),
    ({"sales_ready": "true", "stage": "lead"}, []),
    ({"min_score": "engagement:40"}, ["sql"]),
    ({"min_score": ["engagement:5", "fit:0"]}, ["sql", "lead", "a1"]),
    ({"min_score": ["engagement:5", "engagement:40"]}, ["sql"]),
    ({"min_score": ["engagement:40", "engagement:5"]}, ["sql"]),
    ({"email": "L@EXAMPLE.com"}, ["lead"]),
    ({"email": "nobody@example.com"}, []),
    ({"source": "email"}, []),
    ({"max_score": "engagement:15"}, ["customer", "lead", "a1"]),
    ({"max_score": ["engagement:15", "engagement:4"]}, ["customer"]),
    ({"q": "L@EX"}, ["lead"]),
    ({"q": "cust"}, ["customer"]),
    ({"q": "%"}, []),
    ({"q": "@example"}, ["lead"]),
    ({"seen_after": "2026-03-10"}, ["customer", "sql", "lead", "a1"]),
    ({"seen_after": "2026-03-11"}, []),
    ({"stage_since_after": "2026-03-10", "stage": "sql"}, ["sql"]),
    ({"stage_since_after": "2026-03-11"}, []),
    ({"next_change_before": "9999-12-31"}, []),
]


async def test_a_list_is_filtered(api: Api) -> None:
    await ladder(api)
    found = [names(await api.told("/v1/leads", **asked)) for asked, _ in FILTERS]
    assert found == [expected for _, expected in FILTERS]


EXTREMES: list[tuple[dict[str, str], int]] = [
    ({"seen_after": "0001-01-01"}, 4),
    ({"seen_after": "9999-12-31"}, 0),
    ({"stage_since_after": "0001-01-01"}, 4),
    ({"stage_since_after": "9999-12-31"}, 0),
    ({"next_change_before": "0001-01-01"}, 0),
    ({"min_score": "engagement:-1e308"}, 4),
    ({"min_score": "engagement:1e308"}, 0),
    ({"max_score": "fit:1e308"}, 4),
    ({"max_score": "fit:-1e308"}, 0),
]


async def test_extreme_limits_select_all_leads_or_none(api: Api) -> None:
    await ladder(api)
    for asked, expected in EXTREMES:
        assert len((await api.told("/v1/leads", **asked))["data"]) == expected, asked
        assert (await api.told("/v1/leads/counts", **asked))["total"]["value"] == expected, asked


async def test_a_list_is_filtered_by_the_first_touch(api: Api) -> None:
    await ladder(api)
    news = {"page": {"url": "https://x.test/?utm_source=news&utm_medium=email"}}
    await ingest(api, page_view(anonymousId="reader", context=news))
    assert names(await api.told("/v1/leads", source="email")) == ["reader"]


async def test_a_list_is_sorted_by_a_score(api: Api) -> None:
    await ladder(api)
    page = await api.told("/v1/leads", sort="engagement")
    values = [lead["scores"]["engagement"]["value"] for lead in page["data"]]
    assert values == sorted(values, reverse=True)
    assert names(page)[:3] == ["sql", "lead", "a1"]


async def test_a_list_of_next_changes_has_the_leads_that_the_sweeper_has_forecast(still: Api) -> None:
    await ladder(still)
    still.clock.now += timedelta(days=1)
    await sweep_due(still.runtime.database, still.runtime.models, still.clock.now, 10)
    page = await still.told("/v1/leads", sort="next_change", next_change_before="2026-12-31")
    assert {lead["next_change"] is None for lead in page["data"]} == {False}
    days = [lead["next_change"]["on"] for lead in page["data"]]
    assert days == sorted(days)
    soon = await still.told("/v1/leads", next_change_before=days[-1])
    assert sorted(lead["next_change"]["on"] for lead in soon["data"]) == [day for day in days if day < days[-1]]


async def test_the_strongest_reasons_are_given_for_each_score(api: Api) -> None:
    visits = [page_view(userId="u1", timestamp=ago(days=day)) for day in range(3)]
    await ingest(api, *visits, track(context={"traits": {"email": "u1@example.com"}}))
    [lead] = (await api.told("/v1/leads", reasons=2))["data"]
    assert set(lead["reasons"]) == set(lead["scores"])
    strongest = lead["reasons"]["engagement"]
    assert [reason["rule"] for reason in strongest] == ["demo", "pricing"]
    assert set(strongest[0]) == {"rule", "signal", "hits", "last_hit_on", "points"}
    assert (strongest[0]["points"], strongest[0]["signal"]) == (40, "demo_requested")


async def test_updated_after_accepts_any_time_zone(api: Api) -> None:
    await ingest(api, track(userId="before"))
    api.clock.now += timedelta(hours=2)
    await ingest(api, track(userId="after"))
    for moment in ("2026-03-10T13:00:00Z", "2026-03-10T18:30:00+05:30", "2026-03-10T05:00:00-08:00"):
        assert names(await api.told("/v1/leads", updated_after=moment)) == ["after"]


SENSELESS: list[dict[str, Any]] = [
    {"stage": "marker"},
    {"min_score": "marker:1"},
    {"sort": ""},
    {"min_score": "engagement"},
    {"min_score": "engagement:marker"},
    {"min_score": "engagement:nan"},
    {"min_score": "engagement:inf"},
    {"sort": "marker"},
    {"source": "marker"},
    {"email": "marker"},
    {"q": ""},
    {"q": "@"},
    {"q": "a" * 201},
    {"max_score": "engagement"},
    {"max_score": "marker:1"},
    {"seen_after": "marker"},
    {"stage_since_after": "2026-03-10T12:00:00Z"},
    {"next_change_before": "2026-13-01"},
    {"reasons": 11},
    {"updated_after": "marker"},
    {"updated_after": "2026-03-10T12:00:00"},
    {"updated_after": "0001-01-01T00:00:00+14:00"},
    {"updated_after": "9999-12-31T23:59:59-14:00"},
    {"sales_ready": "marker"},
    {"limit": 0},
    {"limit": 201},
    {"limit": "marker"},
]


async def test_an_invalid_filter_is_refused(web: Api) -> None:
    for asked in SENSELESS:
        assert_problem(await web.ask("/v1/leads", **asked), 422, "validation-error")


async def test_the_sweeper_keeps_lists_up_to_date(sqlite_url: str) -> None:
    async with running(sqlite_url) as before:
        await ingest(before, track())
        key, clock = before.keys["read"], before.clock
        clock.now += timedelta(days=200)
    async with running(sqlite_url, clock) as after:
        headers = {"Authorization": f"Bearer {key}"}
        while not (page := (await after.client.get("/v1/leads?stage=interest", headers=headers)).json())["data"]:
            assert page["next_cursor"] is None
        lead_id = page["data"][0]["id"]
        [latest, *_] = (await after.told(f"/v1/leads/{lead_id}/transitions"))["data"]
    assert (latest["to_stage"], latest["cause"]) == ("interest", "time")


# --- Counts -----------------------------------------------------------------------------------------------------


async def test_leads_are_counted_by_stage_with_the_filters_of_lists(api: Api) -> None:
    await ladder(api)
    counts = await api.told("/v1/leads/counts")
    assert counts["total"] == {"value": 4, "relation": "eq"}
    present = {stage: count["value"] for stage, count in counts["stages"].items() if count["value"]}
    assert present == {"interest": 1, "lead": 1, "sql": 1, "customer": 1}
    assert (counts["model_version"], counts["as_of"]) == (1, "2026-03-10T12:00:00Z")
    for asked, expected in FILTERS:
        assert (await api.told("/v1/leads/counts", **asked))["total"]["value"] == len(expected), asked


async def test_counting_stops_at_a_limit_and_says_so(web: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lead_lists, "MAX_COUNT", 2)
    await ingest(web, *(track(userId=f"u{number}") for number in range(3)), page_view())
    counts = await web.told("/v1/leads/counts", stage=["interest", "sql"])
    assert counts["stages"] == {"interest": {"value": 1, "relation": "eq"}, "sql": {"value": 2, "relation": "gte"}}
    assert counts["total"] == {"value": 3, "relation": "gte"}


# --- Tables -----------------------------------------------------------------------------------------------------


async def table(api: Api, **asked: Any) -> list[dict[str, str]]:
    headers = api.bearer("read") | {"Accept": "text/csv"}
    answer = await api.client.get("/v1/leads", headers=headers, params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(StringIO(answer.text)))


async def test_a_table_has_all_leads_that_match(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lead_lists, "LEADS_AT_ONCE", 2)
    await ladder(api)
    everybody = await api.told("/v1/leads")
    rows = await table(api, limit=1)
    assert [row["id"] for row in rows] == [lead["id"] for lead in everybody["data"]]
    assert [float(row["scores.engagement.value"]) for row in rows] == [
        lead["scores"]["engagement"]["value"] for lead in everybody["data"]
    ]
    assert [row["id"] for row in await table(api, stage="sql")] == [everybody["data"][1]["id"]]


async def test_a_table_without_leads_has_the_columns_of_every_other(web: Api) -> None:
    headers = web.bearer("read") | {"Accept": "text/csv"}
    empty = (await web.client.get("/v1/leads?reasons=1", headers=headers)).text
    await ingest(web, track())
    [row] = await table(web, reasons=1)
    assert empty.strip().split(",") == list(row)
    assert row["reasons.engagement"].startswith("demo +40")


HOSTILE = ["=1+1", "+49", "-1", "@SUM(A1)", "\u200b=1", 'a"b,c\nd', "\uff1d1"]


async def test_no_cell_of_a_table_is_run_as_a_formula(web: Api) -> None:
    for number, text in enumerate(HOSTILE):
        campaign = {"page": {"url": f"https://x.test/?{urlencode({'utm_source': text, 'utm_campaign': text})}"}}
        await ingest(web, track(userId=f"{text}{number}", context={**campaign, "traits": {text: text}}))
    cells = [cell for row in await table(web) for cell in row.values()]
    assert [cell for cell in cells if normalize("NFKC", cell[:1]) in {"=", "+", "-", "@", "\t", "\r"}] == []


async def test_a_table_of_an_invalid_filter_is_refused(web: Api) -> None:
    headers = web.bearer("read") | {"Accept": "text/csv"}
    answer = await web.client.get("/v1/leads?stage=marker", headers=headers)
    assert_problem(answer, 422, "validation-error")
