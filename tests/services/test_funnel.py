"""The funnel: its definitions, one by one, and its equality with a recount of random histories."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.insight.funnel import Funnel, Ladder, StageFigures
from app.insight.pages import path_of
from app.insight.quartiles import Quartiles
from app.scoring.document import ScoringModel, Stage
from app.scoring.engine import compile_model
from app.scoring.events import Event
from app.services.funnel import Cohort, FunnelView, SourceField, read_funnel, read_sources
from app.services.publications import Publications
from app.services.signals import read_pages
from app.services.sweep import sweep_due
from app.storage.tables import identities
from tests.services.damage import damage
from tests.services.feeds import read_all
from tests.services.harness import DOCUMENT, EXAMPLES, NOW, Service, World, days_ago, event, small_model
from tests.services.histories import contested, split
from tests.services.rebuild import event_log
from tests.services.recounts import Person, people, recount
from tests.services.test_lookback import lead_id, on_day

EVER = Cohort(date(2020, 1, 1), date(2030, 1, 1), limit=50)
CUSTOMER = {**DOCUMENT["stages"][4], "outcome": "won"}
LOST = {"name": "disqualified", "when": {"signal": "unheard", "within_days": 14}, "outcome": "lost"}
SIGNALS = DOCUMENT["signals"] | {"unheard": {"on": "Unheard Of"}}
FUNNEL = small_model(signals=SIGNALS, stages=[*DOCUMENT["stages"][:4], CUSTOMER, LOST])
RENAMED = small_model(
    signals=SIGNALS, stages=[*DOCUMENT["stages"][:3], {**DOCUMENT["stages"][3], "name": "hot"}, CUSTOMER, LOST]
)
WITHOUT_MQL = small_model(signals=SIGNALS, stages=[*DOCUMENT["stages"][:2], *DOCUMENT["stages"][3:4], CUSTOMER, LOST])
REORDERED = small_model(
    stages=[DOCUMENT["stages"][0], DOCUMENT["stages"][2], DOCUMENT["stages"][1], *DOCUMENT["stages"][3:]]
)
FROM_GOOGLE = {
    "page": {"path": "/", "referrer": "https://news.example/today"},
    "campaign": {"source": "google", "medium": "cpc", "name": "spring"},
}
MODELS = (FUNNEL, RENAMED, WITHOUT_MQL, REORDERED)


@pytest.fixture
async def service(service: Service) -> Service:
    await service.publish(FUNNEL)
    return service


async def funnel_of(service: Service, by: Any = None, cohort: Cohort = EVER) -> FunnelView:
    return await read_funnel(service.database, service.models, cohort, by, service.clock.now)


async def stages_of(service: Service) -> dict[str, StageFigures]:
    return {figures.stage.name: figures for figures in (await funnel_of(service)).total.stages}


async def reached(service: Service) -> list[int]:
    return [figures.reached for figures in (await funnel_of(service)).total.stages]


def identified(*keys: str, **fields: Any) -> Event:
    """An event that makes a lead, by its address."""
    return event(*keys, name="Identified", traits={"email": "ada@example.com"}, **fields)


def purchase(key: str, **fields: Any) -> Event:
    return event(key, name="Order Completed", trusted=True, **fields)


DAY = 24


# --- Definitions ------------------------------------------------------------------------------------------------


async def test_a_skipped_stage_counts_as_reached_but_has_no_time_of_its_own(service: Service) -> None:
    await on_day(service, 0, event("a1", name="Page Viewed"))
    await on_day(service, 2, event("a1"))
    stages = await stages_of(service)
    assert [figures.reached for figures in stages.values()] == [1, 1, 1, 1, 0]
    assert stages["mql"].from_previous is None
    assert stages["mql"].from_first_seen == Quartiles(2 * DAY, 2 * DAY, 2 * DAY, 1)
    assert stages["sql"].from_previous == Quartiles(2 * DAY, 2 * DAY, 2 * DAY, 1)


async def test_whom_a_lost_version_evaluated_is_left_out(service: Service) -> None:
    await service.ingest(event("a1", name="Page Viewed"), event("a2", name="Page Viewed"))
    await damage(service.database, await lead_id(service, "a1"), columns={"model_version": 99})
    assert (await reached(service))[0] == 1


async def test_a_cohort_has_the_leads_first_seen_on_its_days(service: Service) -> None:
    for days, key in ((0, "a1"), (1, "a2"), (1.4, "a3"), (2, "a4")):
        await on_day(service, days, event(key, name="Page Viewed"))
    await on_day(service, 3, event("a2"))
    first, last = date(2026, 3, 11), date(2026, 3, 11)
    view = await funnel_of(service, cohort=Cohort(first, last, 50))
    assert view.total.leads == 2
    assert view.total.reached(3) == 1
    assert view.as_of == service.clock.now


async def test_weeks_begin_on_monday_in_utc(service: Service) -> None:
    await on_day(service, -2, event("a1"))  # 2026-03-08, a Sunday
    await on_day(service, -1, event("a2"))
    await on_day(service, 5, event("a3"))
    view = await funnel_of(service, "week")
    assert {week: funnel.leads for week, funnel in view.groups.items()} == {"2026-03-02": 1, "2026-03-09": 2}


async def test_a_late_event_moves_a_lead_to_the_cohort_of_its_first_event(service: Service) -> None:
    await on_day(service, 0, event("a1"))
    await on_day(service, 1, event("a1", name="Page Viewed", at=days_ago(9)))
    assert list((await funnel_of(service, "week")).groups) == ["2026-02-23"]


async def test_history_that_was_imported_counts_but_its_times_are_unknown(service: Service) -> None:
    await on_day(service, 0, event("a1", name="Page Viewed", at=days_ago(40)), event("a1", at=days_ago(3)))
    await on_day(service, 1, purchase("a1"))
    sql = (await stages_of(service))["sql"]
    assert (sql.reached, sql.from_first_seen, sql.from_previous) == (1, None, None)
    assert await reached(service) == [1, 1, 1, 1, 1]


async def test_a_merged_lead_is_one_and_has_reached_what_either_had(service: Service) -> None:
    await on_day(service, 0, event("a1", name="Page Viewed", context=FROM_GOOGLE))
    await on_day(service, 1, event("u1", name="Page Viewed"))
    await on_day(service, 2, event("a1"))
    await on_day(service, 40, event("u1", "a1", name="Page Viewed"))
    view = await funnel_of(service, "channel")
    assert list(view.groups) == ["paid_search"]
    assert view.total.leads == 1
    assert view.total.stages[3].from_first_seen == Quartiles(2 * DAY, 2 * DAY, 2 * DAY, 1)
    assert (view.total.stages[3].lost_ground, view.total.stages[0].now) == (1, 1)


async def test_a_visitor_whose_user_is_known_first_by_the_product_was_watched_all_along(service: Service) -> None:
    await on_day(service, 0, event("a1", name="Page Viewed"))
    await on_day(service, 5, event("u1", name="Page Viewed"))
    await on_day(service, 6, event("u1", "a1"))
    await on_day(service, 7, purchase("u1"))
    stages = await stages_of(service)
    assert stages["sql"].from_first_seen == Quartiles(6 * DAY, 6 * DAY, 6 * DAY, 1)
    assert stages["customer"].from_previous == Quartiles(DAY, DAY, DAY, 1)


async def test_a_lead_that_moved_down_has_lost_ground_until_it_is_back(service: Service) -> None:
    await on_day(service, 0, event("a1"))
    await on_day(service, 20, event("a1", name="Page Viewed"))
    sql = (await stages_of(service))["sql"]
    assert (sql.reached, sql.now, sql.lost_ground) == (1, 0, 1)
    await on_day(service, 21, event("a1"))
    sql = (await stages_of(service))["sql"]
    assert (sql.reached, sql.now, sql.lost_ground) == (1, 1, 0)


async def test_a_lead_is_won_once_it_was_and_lost_only_while_it_is(service: Service) -> None:
    await on_day(service, 0, purchase("a1"), event("a2", name="Page Viewed"))
    await on_day(service, 1, event("a1", name="Unheard Of"), event("a2", name="Unheard Of"), event("a3"))
    total = (await funnel_of(service)).total
    assert (total.leads, total.won, total.lost) == (3, 1, 1)
    assert total.stages[4].lost_ground == 0  # lost is another thing than having moved down
    await on_day(service, 30, event("a2", name="Page Viewed"))
    assert (await funnel_of(service)).total.lost == 0


async def test_small_groups_are_counted_together_beyond_the_limit(service: Service) -> None:
    for number, source in enumerate(["google", "google", "bing", "bing", "x", None]):
        campaign = {"campaign": {"source": source}} if source else {}
        await on_day(service, 0, event(f"a{number}", context={"page": {"path": "/"}} | campaign))
    view = await funnel_of(service, "source", replace(EVER, limit=2))
    assert {name: funnel.leads for name, funnel in view.groups.items()} == {"bing": 2, "google": 2}
    assert view.other is not None
    assert view.other.leads == 2
    assert view.total.leads == 6
    assert list((await funnel_of(service, "source")).groups) == ["bing", "google", "", "x"]


async def test_sources_are_measured_by_stages_that_the_model_marks(service: Service) -> None:
    await on_day(service, 0, purchase("a1", context=FROM_GOOGLE), event("a2", context=FROM_GOOGLE))
    await on_day(service, 0, event("a3", name="Page Viewed", context=FROM_GOOGLE))
    view = await read_sources(service.database, service.models, EVER, "campaign", service.clock.now)
    spring = view.sources["spring"]
    assert (spring.visitors, spring.leads.count, spring.qualified.count, spring.customers.count) == (3, 2, 2, 1)
    names: dict[SourceField, str] = {"source": "google", "referrer": "news.example", "channel": "paid_search"}
    for by, name in names.items():
        named = await read_sources(service.database, service.models, EVER, by, service.clock.now)
        assert named.sources == {name: spring}


async def test_a_model_without_marked_stages_has_no_customers_to_count(service: Service) -> None:
    await service.publish(REORDERED)
    await on_day(service, 0, purchase("a1"))
    view = await read_sources(service.database, service.models, EVER, "channel", service.clock.now)
    assert view.total.customers.count is None
    assert view.total.qualified.count == 1
    assert (await funnel_of(service)).total.won == 0


async def test_while_a_model_is_rolled_out_stages_count_by_their_new_names(service: Service) -> None:
    await on_day(service, 0, event("a1"), event("a2", name="Unheard Of"), purchase("a3"))
    before = (await funnel_of(service)).total
    await service.publish(RENAMED)
    during = (await funnel_of(service)).total
    await service.roll_out()
    after = (await funnel_of(service)).total
    assert [figures.stage.name for figures in during.stages] == ["interest", "lead", "mql", "hot", "customer"]
    assert during == after
    assert [replace(each, stage=same.stage) for each, same in zip(after.stages, before.stages, strict=True)] == [
        *before.stages
    ]


async def test_a_stage_that_the_model_lacks_counts_as_the_first(service: Service) -> None:
    await on_day(service, 0, event("a1", name="Page Viewed"), identified("e1@x", at=NOW))
    await service.publish(small_model(stages=[{"name": "all"}]))
    total = (await funnel_of(service)).total
    assert [(figures.stage.name, figures.reached, figures.now) for figures in total.stages] == [("all", 2, 2)]


async def test_a_stage_that_is_added_was_reached_by_those_who_reached_a_higher_one(service: Service) -> None:
    await service.publish(WITHOUT_MQL)
    await on_day(service, 0, event("a1"))
    await service.publish(FUNNEL)
    await service.roll_out()
    assert await reached(service) == [1, 1, 1, 1, 0]


# --- The law ----------------------------------------------------------------------------------------------------


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), history=contested(14))
def test_the_funnel_equals_a_recount_from_the_log(world: World, data: st.DataObject, history: list[Event]) -> None:
    world.reset(FUNNEL)
    service, model = world.service, FUNNEL
    for batch in data.draw(split(history), label="batches"):
        service.clock.now += timedelta(hours=data.draw(st.sampled_from([0, 5, 30, 500]), label="hours"))
        live = data.draw(st.lists(st.sampled_from([True, True, False]), min_size=len(batch)), label="live")
        world.ingest([_received(each, service.clock.now, live=now) for each, now in zip(batch, live, strict=False)])
        if data.draw(st.booleans(), label="publishes"):
            model = data.draw(st.sampled_from(MODELS), label="model")
            world.run(service.publish(model))
            world.run(service.roll_out(3))
        world.run(sweep_due(service.database, service.models, service.clock.now, 100))
    persons = world.run(_people(service))
    assert figures_of(world.run(funnel_of(service)).total) == expected(persons, model)
    _assert_groups(world, persons, model)
    _assert_pages(world, persons, model)


def _received(message: Event, now: datetime, *, live: bool) -> Event:
    return replace(message, received_at=now, occurred_at=now if live else message.occurred_at)


def _assert_groups(world: World, persons: Sequence[Person], model: ScoringModel) -> None:
    by_channel, by_week = dict[str, list[Person]](), dict[str, list[Person]]()
    for person in persons:
        monday = person.first_seen_on - timedelta(days=person.first_seen_on.weekday())
        by_week.setdefault(monday.isoformat(), []).append(person)
        by_channel.setdefault(person.source.get("channel", ""), []).append(person)
    for by, groups in (("channel", by_channel), ("week", by_week)):
        found = world.run(funnel_of(world.service, by)).groups
        assert {name: figures_of(funnel) for name, funnel in found.items()} == {
            name: expected(group, model) for name, group in groups.items()
        }


def _assert_pages(world: World, persons: Sequence[Person], model: ScoringModel) -> None:
    signal, ladder = compile_model(model, 1).signals["pricing"], Ladder.of(model.stages).stages
    found: dict[str | None, list[Person]] = {}
    for person in persons:
        for each in person.events:
            if each.name == "Page Viewed" and signal.counts(each):
                found.setdefault(path_of(each), []).append(person)
    service, ever = world.service, (EVER.first, EVER.last)
    pages = world.run(read_pages(service.database, service.models, "pricing", *ever, 50, service.clock.now)).pages
    assert {page.path: (page.hits, page.people, page.leads) for page in pages} == {
        path: (len(visits), len(set(visits)), len({each for each in visits if _progressed(each, ladder)}))
        for path, visits in found.items()
    }


def _progressed(person: Person, ladder: Sequence[Stage]) -> bool:
    return person.entered({stage.name for stage in ladder[1:]}) is not None


async def _people(service: Service) -> list[Person]:
    changes = [change for _, change in await read_all(service.feed)]
    async with service.database.read() as connection:
        owners = {row.identity: row.lead_id for row in await connection.execute(select(identities))}
        publications = await Publications.read(connection, service.models)
        moves = {(each.data["model_version"], each.at) for each in changes if each.type == "lead.stage_changed"}
        names = {move: await publications.names(publications.of(*move), publications.latest) for move in moves}
    log = await event_log(service.database)
    return people(log, owners, changes, lambda stage, version, moment: names[version, moment].get(stage, stage))


def figures_of(funnel: Funnel) -> list[Any]:
    stages = [
        (figures.stage.name, figures.reached, figures.now, figures.lost_ground, figures.from_first_seen)
        for figures in funnel.stages
    ]
    return [funnel.leads, funnel.won, funnel.lost, *stages]


def expected(persons: Sequence[Person], model: ScoringModel) -> list[Any]:
    leads, won, lost, *stages = recount(persons, model.stages)
    return [leads, won, lost, *((*figures, _quartiles(hours)) for *figures, hours in stages)]


def _quartiles(hours: Sequence[int]) -> Quartiles | None:
    size = len(hours)
    lower, median, upper = (hours[ceil(size * part / 4) - 1] if size else 0 for part in (1, 2, 3))
    return Quartiles(lower, median, upper, size) if size else None
