"""Lists of leads: filters, orders, pages and counts."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from app.errors import ValidationFailed
from app.protocol.searches import read_search
from app.services import lead_lists
from app.services.lead_lists import Count, LeadQuery, Position
from app.services.leads import LeadView
from app.services.publishing import activate
from app.services.retractions import EventFilter
from app.services.sweep import sweep_due
from tests.services.harness import NOW, Service, alias, days_ago, event, small_model
from tests.services.test_retractions import retract

TODAY = NOW.date()


async def four_leads(service: Service) -> None:
    """u1 to u4, u4 seen most recently, with engagement 0, 25, 8 and 4."""
    campaign = {"campaign": {"source": "google", "medium": "cpc"}}
    await service.ingest(
        event("u1", "e1@x", name="Unheard Of", at=days_ago(4), traits={"email": "e1@x", "size": 60}),
        event("u2", name="Demo Requested", at=days_ago(3), context=campaign),
        event("u3", name="Feature Used", at=days_ago(0)),
        event("u3", name="Feature Used", at=days_ago(0)),
        event("u4", "e4@x", name="Feature Used", at=days_ago(0), traits={"email": "e4@x"}),
    )


def users(views: Sequence[LeadView]) -> list[str]:
    return [view.identities["user_id"][0] for view in views]


async def listed(service: Service, **query: Any) -> list[str]:
    views, end = await service.lead_lists.page(LeadQuery(**query), None, 10, service.clock.now)
    assert end is None
    return sorted(users(views))


async def pages(service: Service, limit: int, sort: str = "last_seen_at") -> list[list[str]]:
    found: list[list[str]] = []
    after: Position | None = None
    while after is not None or not found:
        views, after = await service.lead_lists.page(LeadQuery(sort=sort), after, limit, NOW)
        found.append(users(views))
        assert len(found) < 20, "the pages never end"
    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["u1", "u2", "u3", "u4"]),
        ({"stages": ["sql", "interest"]}, ["u2", "u3"]),
        ({"stages": []}, []),
        ({"min_scores": {"engagement": 8}}, ["u2", "u3"]),
        ({"min_scores": {"engagement": 0, "fit": 20}}, ["u1"]),
        ({"min_scores": {"engagement": 20}}, ["u2"]),
        ({"max_scores": {"engagement": 8}}, ["u1", "u3", "u4"]),
        ({"max_scores": {"engagement": 8}, "min_scores": {"engagement": 1}}, ["u3", "u4"]),
        ({"channel": "paid_search"}, ["u2"]),
        ({"channel": "email"}, []),
        ({"email": "e4@x"}, ["u4"]),
        ({"email": "e9@x"}, []),
        ({"search": read_search("u")}, ["u1", "u2", "u3", "u4"]),
        ({"search": read_search("U")}, []),
        ({"search": read_search(" E4 ")}, ["u4"]),
        ({"search": read_search("_")}, []),
        ({"search": read_search("@X")}, ["u1", "u4"]),
        ({"search": read_search("@y")}, []),
        ({"seen_from": (NOW - timedelta(days=3)).date()}, ["u2", "u3", "u4"]),
        ({"seen_from": TODAY}, ["u3", "u4"]),
        ({"stage_since_from": TODAY}, ["u1", "u2", "u3", "u4"]),
        ({"stage_since_from": TODAY + timedelta(days=1)}, []),
        ({"next_change_before": date.max}, []),
        ({"sales_ready": True}, ["u2"]),
        ({"sales_ready": False}, ["u1", "u3", "u4"]),
        ({"sales_ready": False, "stages": ["sql", "lead"]}, ["u1", "u4"]),
        ({"updated_after": NOW}, []),
        ({"updated_after": days_ago(0.5)}, ["u1", "u2", "u3", "u4"]),
    ],
    ids=str,
)
async def test_a_list_contains_the_leads_that_match_its_filters(
    service: Service, query: dict[str, Any], expected: list[str]
) -> None:
    await four_leads(service)
    assert await listed(service, **query) == expected


UNKNOWN: list[dict[str, Any]] = [
    {"stages": ["mqll"]},
    {"min_scores": {"x": 1}},
    {"max_scores": {"x": 1}},
    {"sort": "x"},
]


@pytest.mark.parametrize("query", UNKNOWN, ids=str)
async def test_filtering_by_a_name_unknown_to_the_model_is_refused(service: Service, query: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed, match=r"unknown (stage|score|order); "):
        await listed(service, **query)


async def test_merged_leads_are_not_listed(service: Service) -> None:
    await service.ingest(event("u1"), event("u2"))
    await service.ingest(alias("u1", "u2"))
    views, _ = await service.lead_lists.page(LeadQuery(), None, 10, NOW)
    assert [view.identities["user_id"] for view in views] == [["u1", "u2"]]


async def test_a_lead_that_no_longer_matches_the_filter_is_left_out(service: Service) -> None:
    await service.ingest(event("u1"))
    assert await listed(service, stages=["sql"]) == ["u1"]
    service.clock.now = NOW + timedelta(days=14)
    assert await listed(service, stages=["sql"]) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
async def test_pages_are_sorted_by_last_seen_and_contain_every_lead_once(service: Service, limit: int) -> None:
    await four_leads(service)
    found = await pages(service, limit)
    assert [user for page in found for user in page] == ["u4", "u3", "u2", "u1"]
    assert max(map(len, found)) == limit


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_sorted_by_a_score_start_with_the_highest(service: Service, limit: int) -> None:
    await four_leads(service)
    found = await pages(service, limit, "engagement")
    assert [user for page in found for user in page] == ["u2", "u3", "u4", "u1"]


async def test_tied_fractional_scores_are_paged_without_gaps(service: Service) -> None:
    context = {"page": {"path": "/pricing"}}
    views = [event(f"u{n}", name="Page Viewed", context=context, at=days_ago(3)) for n in range(7)]
    await service.ingest(*views)  # 3.3 × 2^(−3/7) each
    found = await pages(service, 2, "engagement")
    assert sorted(user for page in found for user in page) == [f"u{number}" for number in range(7)]


async def test_a_cursor_keeps_its_place_when_leads_before_it_change(service: Service) -> None:
    await four_leads(service)
    first, after = await service.lead_lists.page(LeadQuery(), None, 2, NOW)
    await service.ingest(event("u5", at=NOW), event("u4", at=NOW), event("u1", at=days_ago(9)))
    rest, end = await service.lead_lists.page(LeadQuery(), after, 10, NOW)
    assert (users(first), users(rest), end) == (["u4", "u3"], ["u2", "u1"], None)


async def test_a_score_new_in_the_model_sorts_as_zero_until_the_rollout_reaches_the_lead(service: Service) -> None:
    await service.ingest(event("u1"))
    scores = {"new": {"rules": {"demo": {"signal": "demo", "points": 9}}}}
    await activate(service.database, small_model(scores=scores, stages=[{"name": "all"}]), service.clock)
    views, _ = await service.lead_lists.page(LeadQuery(sort="new"), None, 10, NOW)
    assert [view.evaluation.values for view in views] == [{"new": 9}]


# --- The law of lists -------------------------------------------------------------------------------------------


ORDERS = ["last_seen_at", "stage_since", "next_change", "engagement", "fit"]


def sort_value(view: LeadView, sort: str) -> Any:
    """What the stored lead is sorted by, so that the greatest comes first."""
    lead = view.lead
    if sort == "next_change":
        return -(lead.next_change.on if lead.next_change else date.max).toordinal(), -lead.id.int
    values = {"last_seen_at": lead.facts.last_seen_at, "stage_since": lead.standing.since, **lead.scores}
    return values[sort], lead.id.int


async def crowd(service: Service) -> None:
    """Leads with ties in everything that they can be sorted by, entered and forecast on several days."""
    names = ("Demo Requested", "Feature Used", "Unheard Of")
    for day in range(3):
        service.clock.now = NOW + timedelta(days=day)
        people = range(day * 6, day * 6 + 9)
        traits = {"size": 60}
        await service.ingest(
            *(event(f"u{n}", name=names[n % 3], at=service.clock.now, traits=traits if n % 4 else {}) for n in people)
        )
        await sweep_due(service.database, service.models, service.clock.now, 100)
    service.clock.now += timedelta(days=1)
    await sweep_due(service.database, service.models, service.clock.now, 5)  # the others have no forecast yet


async def read_whole(service: Service, query: LeadQuery, limit: int) -> list[LeadView]:
    found: list[LeadView] = []
    after: Position | None = None
    while True:
        views, after = await service.lead_lists.page(query, after, limit, service.clock.now)
        found += views
        if after is None:
            return found


@pytest.mark.parametrize("sort", ORDERS)
async def test_pages_of_any_size_make_up_the_sorted_list(service: Service, sort: str) -> None:
    await crowd(service)
    query = LeadQuery(sort=sort)
    whole = [view async for views in service.lead_lists.read_all(query, service.clock.now) for view in views]
    assert len(whole) == 21
    values = [sort_value(view, sort) for view in whole]
    assert values == sorted(values, reverse=True)
    for limit in (1, 4, 20, 21):
        assert await read_whole(service, query, limit) == whole


async def test_a_search_that_finds_many_leads_is_read_in_the_order_of_the_list(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(service)
    queries = [LeadQuery(sort=sort, search=read_search(text)) for sort in ORDERS for text in ("u1", "u", "@x")]
    few = [await read_whole(service, query, 4) for query in queries]
    exact = await service.lead_lists.count(LeadQuery(search=read_search("u1")), service.clock.now)
    monkeypatch.setattr(lead_lists, "MAX_FOUND", 3)
    assert [await read_whole(service, query, 4) for query in queries] == few
    counts = await service.lead_lists.count(LeadQuery(search=read_search("u1")), service.clock.now)
    assert (exact.total, counts.total) == (Count(11, is_exact=True), Count(3, is_exact=False))


@pytest.mark.parametrize("query", [{}, {"min_scores": {"engagement": 4}}, {"search": read_search("u1")}], ids=str)
async def test_counts_agree_with_lists(service: Service, query: dict[str, Any]) -> None:
    await crowd(service)
    await sweep_due(service.database, service.models, service.clock.now, 100)  # stored and present scores are equal
    counts = await service.lead_lists.count(LeadQuery(**query), service.clock.now)
    stored = [view.lead.standing.stage for view in await read_whole(service, LeadQuery(), 50)]
    if not query:
        assert {stage: count.value for stage, count in counts.stages.items()} == {
            stage: stored.count(stage) for stage in counts.stages
        }
    for stage, count in counts.stages.items():
        views = await read_whole(service, LeadQuery(**query, stages=[stage]), 50)
        assert (stage, count.value, count.is_exact) == (stage, len(views), True)
    assert counts.total.value == sum(count.value for count in counts.stages.values())


@pytest.mark.parametrize("sort", ["last_seen_at", "stage_since", "next_change", "engagement"])
async def test_leads_without_events_are_on_one_page_too(service: Service, sort: str) -> None:
    await four_leads(service)
    await service.ingest(event("u5"), event("u6"))
    for key in ("u1", "u5", "u6"):
        await retract(service, EventFilter(lead_id=(await service.lead(key)).lead.id))
    for limit in (1, 2, 3, 4):
        found = [key for page in await pages(service, limit, sort) for key in page]
        assert sorted(found) == ["u1", "u2", "u3", "u4", "u5", "u6"]
        assert sort != "last_seen_at" or sorted(found[-3:]) == ["u1", "u5", "u6"]
