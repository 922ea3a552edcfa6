"""Signals over time: distinct people and hits, and equality with a recount of random histories."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Text, literal, select, update

from app.errors import ValidationFailed
from app.scoring.document import ScoringModel
from app.scoring.engine import compile_model
from app.scoring.events import Event
from app.services import signals
from app.services.signals import Interval, Point, Series, read_hits, read_pages, read_series
from app.storage import signals as signal_store
from app.storage.tables import leads
from tests.services.damage import damage
from tests.services.harness import EXAMPLES, NOW, Service, World, days_ago, event, serving, small_model, with_signal
from tests.services.histories import contested, split
from tests.services.people import people_of
from tests.services.rebuild import event_log
from tests.services.test_lookback import lead_id, on_day

TODAY = NOW.date()
MODELS = (small_model(), with_signal("pricing", {"on": ["Page Viewed", "Unheard Of"]}))


FINGERPRINT = compile_model(small_model(), 1).signals["demo"].fingerprint


async def series(service: Service, first: date, last: date, by: Interval = "day") -> Series:
    return await read_series(service.database, service.models, "demo", first, last, by, service.clock.now)


async def test_people_are_distinct_within_an_interval(service: Service) -> None:
    await on_day(service, 0, event("a1"), event("a1"), event("a2"))
    await on_day(service, 1, event("a1"))
    days = await series(service, date(2026, 3, 9), date(2026, 3, 12))
    assert [(point.people, point.hits) for point in days.points] == [(0, 0), (2, 3), (1, 1), (0, 0)]
    assert days.as_of == service.clock.now
    weeks = await series(service, date(2026, 3, 8), date(2026, 3, 12), "week")
    assert weeks.points == [Point(date(2026, 3, 2), 0, 0), Point(date(2026, 3, 9), 2, 4)]


async def test_a_late_event_counts_on_the_day_on_which_it_happened(service: Service) -> None:
    await on_day(service, 0, event("a1", at=days_ago(5)))
    (point,) = (await series(service, date(2026, 3, 5), date(2026, 3, 5))).points
    assert (point.people, point.hits) == (1, 1)


async def test_merged_leads_are_one_person_on_all_days(service: Service) -> None:
    await on_day(service, 0, event("a1"), event("u1"))
    await on_day(service, 1, event("u1", "a1", name="Unheard Of"))
    (point,) = (await series(service, date(2026, 3, 10), date(2026, 3, 10))).points
    assert (point.people, point.hits) == (1, 2)


async def test_days_that_were_stored_one_by_one_still_count(service: Service) -> None:
    await on_day(service, 0, event("a1"), event("a1"), event("a1", at=days_ago(1)))
    async with service.database.write() as connection:
        one_by_one = {FINGERPRINT: {"2026-03-09": 1, "2026-03-10": 2}}
        await connection.execute(update(leads).values(tally=one_by_one))
    before = await series(service, date(2026, 3, 8), date(2026, 3, 12), "day")
    await on_day(service, 1, event("a1"))
    after = await series(service, date(2026, 3, 8), date(2026, 3, 12), "day")
    assert [point.hits for point in before.points] == [0, 1, 2, 0, 0]
    assert [point.hits for point in after.points] == [0, 1, 2, 1, 0]
    async with service.database.read() as connection:
        assert (await connection.execute(select(leads.c.tally))).scalar() == {FINGERPRINT: {"2026-03-09": [1, 2, 1]}}


def viewed(key: str, path: str, **fields: Any) -> Event:
    return event(key, name="Page Viewed", context={"page": {"path": path}}, **fields)


async def test_pages_are_those_of_the_signals_events_in_the_period(service: Service) -> None:
    await on_day(service, 0, viewed("a1", "/pricing"), viewed("a2", "/pricing/eu"), viewed("a2", "/blog"))
    await on_day(service, 1, event("a2"), viewed("a3", "/pricing", at=days_ago(1)))
    await on_day(service, 2, viewed("a4", "/pricing"))
    pages = await read_pages(service.database, service.models, "pricing", TODAY, TODAY, 9, NOW)
    assert [(page.path, page.people, page.leads) for page in pages.pages] == [("/pricing/eu", 1, 1), ("/pricing", 1, 0)]
    assert pages.is_complete
    (best,) = (await read_pages(service.database, service.models, "pricing", TODAY, TODAY, 1, NOW)).pages
    assert best.path == "/pricing/eu"


async def test_of_too_many_events_the_latest_count(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "MAX_EVENTS", 2)
    for hours in (1, 2, 3):
        await service.ingest(viewed(f"a{hours}", f"/pricing/{hours}", at=NOW - timedelta(hours=hours)))
    pages = await read_pages(service.database, service.models, "pricing", TODAY, TODAY, 9, NOW)
    assert [page.path for page in pages.pages] == ["/pricing/1", "/pricing/2"]
    assert not pages.is_complete


async def test_a_signal_that_the_model_lacks_is_refused(service: Service) -> None:
    with pytest.raises(ValidationFailed, match="signal: unknown signal"):
        await read_pages(service.database, service.models, "moon", TODAY, TODAY, 9, NOW)
    with pytest.raises(ValidationFailed, match="signal: unknown signal; did you mean demo"):
        await read_series(service.database, service.models, "demos", NOW.date(), NOW.date(), "day", NOW)


@pytest.mark.parametrize(
    ("tally", "left"),
    [
        ({FINGERPRINT: {"2026-03-10": ["many", 1, None, {}, 1.5]}}, 1),
        ({FINGERPRINT: {"2026-03-10": "many"}}, 0),
        ({FINGERPRINT: {"2026-03-10": {"hits": 1}}}, 0),
        ({FINGERPRINT: {"yesterday": [1], "2026-13-10": [1], "": [1], "2026-03-10": [0, 1]}}, 1),
        ({FINGERPRINT: "many"}, 0),
        ({FINGERPRINT: ["many"]}, 0),
        ({FINGERPRINT: 3}, 0),
        (["many"], 0),
        ("many", 0),
    ],
    ids=str,
)
async def test_a_damaged_tally_costs_only_what_is_damaged(service: Service, tally: Any, left: int) -> None:
    await on_day(service, 0, event("a1"), event("a2"))
    await damage(service.database, await lead_id(service, "a2"), columns={"tally": tally})
    first, last = TODAY, TODAY + timedelta(days=1)
    for by in get_args(Interval):
        points = (await series(service, first, last, by)).points
        assert (sum(each.people for each in points), sum(each.hits for each in points)) == (1 + left, 1 + left)
    hits = await read_hits(service.database, service.models, ["demo"], first, last)
    assert sum(hits["demo"]) == 1 + left


async def test_a_tally_that_is_no_json_costs_only_itself(sqlite_url: str) -> None:
    async with serving(sqlite_url, small_model()) as service:
        await on_day(service, 0, event("a1"), event("a2"))
        await damage(service.database, await lead_id(service, "a2"), columns={"tally": literal("{", Text)})
        (point,) = (await series(service, TODAY, TODAY)).points
        assert (point.people, point.hits) == (1, 1)
        assert await read_hits(service.database, service.models, ["demo"], TODAY, TODAY) == {"demo": [1]}


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), history=contested(14), by=st.sampled_from(["day", "week"]))
def test_a_series_equals_a_recount_from_the_log(
    world: World, data: st.DataObject, history: list[Event], by: Interval
) -> None:
    world.reset(MODELS[0])
    service, model = world.service, MODELS[0]
    for batch in data.draw(split(history), label="batches"):
        world.ingest(batch)
        if data.draw(st.booleans(), label="publishes"):
            model = data.draw(st.sampled_from(MODELS), label="model")
            world.run(service.publish(model))
            world.run(service.roll_out(3))
    first, last = NOW.date() - timedelta(days=data.draw(st.integers(0, 50), label="days")), NOW.date()
    found = world.run(read_series(service.database, service.models, "pricing", first, last, by, NOW))
    assert world.run(series_with_checks(service, model, first, last, by)) == [
        each for each in found.points if each.hits
    ]
    log = world.run(event_log(service.database))
    assert {point.start: (point.people, point.hits) for point in found.points if point.hits} == recounted(
        log, model, first, last, by
    )
    hits = world.run(read_hits(service.database, service.models, list(model.signals), first, last))
    assert hits == {name: series_of(world, name, first, last) for name in model.signals}


async def series_with_checks(
    service: Service, model: ScoringModel, first: date, last: date, by: Interval
) -> list[Point]:
    """The same by the statement that is used after the other one has failed."""
    fingerprint = compile_model(model, 1).signals["pricing"].fingerprint
    async with service.database.read() as connection:
        rows = await signal_store.series(connection, fingerprint, first, last, by, checked=True)
    return sorted((Point(row.start, row.people, row.hits) for row in rows), key=lambda point: point.start)


def series_of(world: World, signal: str, first: date, last: date) -> list[int]:
    service = world.service
    found = world.run(read_series(service.database, service.models, signal, first, last, "day", NOW))
    return [point.hits for point in found.points]


def recounted(
    log: Sequence[Event], model: ScoringModel, first: date, last: date, by: Interval
) -> dict[date, tuple[int, int]]:
    counted: dict[date, Counter[int]] = {}
    people, signal = people_of(log), compile_model(model, 1).signals["pricing"]
    for each in log:
        day = each.occurred_at.date()
        if first <= day <= last and each in matching(log, signal.event_keys) and signal.counts(each):
            start = day if by == "day" else day - timedelta(days=day.weekday())
            person = next(number for number, keys in enumerate(people) if each.identities[0] in keys)
            counted.setdefault(start, Counter())[person] += 1
    return {start: (len(hits), hits.total()) for start, hits in counted.items()}


def matching(log: Sequence[Event], keys: frozenset[str]) -> list[Event]:
    """The events whose names, in lower case and with spaces, are among these."""
    return [each for each in log if each.name.replace("_", " ").lower() in keys]
