"""Candidate signals count exactly what the engine counts for the same definition."""

from datetime import timedelta
from typing import Any
from weakref import ref

import numpy as np
import pytest

from app.insight.histories import History
from app.insight.log import read_log
from app.insight.signals import CountedSignal, SignalCatalog, candidate_signals
from app.insight.snapshots import Snapshots
from app.scoring.document import Signal
from app.scoring.events import Event
from app.scoring.signals import compile_signal
from tests.insight.world import START, event, market

DAY = START.date()


def catalog(events: list[Event], own: dict[str, Signal] | None = None) -> SignalCatalog:
    """Of one lead with these events, seen ten days after the first."""
    rows = Snapshots(np.array([0]), np.array([DAY.toordinal() + 10]), np.array([True]))
    return SignalCatalog(read_log([History("a", events)]), rows, own or {})


def bought(number: int, properties: Any) -> Event:
    return event("a", DAY + timedelta(days=number), "Bought", properties=properties, number=number)


EVENTS = [
    bought(number, properties)
    for number, properties in enumerate(
        [{"total": 5}, {"total": "50"}, {"total": None}, {}, {"cart": {"total": 70}}, {"cart": [{"total": 80}]},
         {"cart.total": 90}, {"kind": "Big"}, {"kind": ["big", "blue"]}]
    )
]  # fmt: skip


@pytest.mark.parametrize(
    "where",
    [
        None,
        {"property": "total", "gte": 10},
        {"property": "total", "lt": 10},
        {"property": "total", "exists": False},
        {"property": "total", "ne": 5},
        {"property": "cart.total", "gte": 75},
        {"property": "kind", "eq": "big"},
        {"none": [{"property": "kind", "eq": "big"}]},
    ],
    ids=str,
)
def test_a_signal_counts_what_the_engine_counts(where: dict[str, Any] | None) -> None:
    signal = Signal.model_validate({"on": "bought", "where": where})
    found = catalog(EVENTS)
    counts = found.counts(found.add("signal", signal), None, None)
    assert counts.tolist() == [sum(compile_signal("signal", signal).counts(each) for each in EVENTS)]


def test_one_definition_has_one_name_and_one_name_one_definition() -> None:
    found = catalog(EVENTS)
    first = found.add("big", Signal.model_validate({"on": "Bought"}))
    assert found.add("huge", Signal.model_validate({"on": "bought"})) == first
    assert found.add("big", Signal.model_validate({"on": "Sold"})).name == "big_2"


def considered(
    excluded: frozenset[str] = frozenset(), own: dict[str, Signal] | None = None
) -> dict[str, CountedSignal]:
    histories = market(100)
    rows = Snapshots(np.arange(100), np.full(100, DAY.toordinal() + 300), np.ones(100, dtype=np.bool_))
    found = SignalCatalog(read_log(histories), rows, own or {})
    last_days = np.full(100, DAY.toordinal() + 300)
    return {each.name: each for each in candidate_signals(found, last_days, excluded, enough=15)}


def test_every_event_is_considered_and_numbers_pages_and_levels_in_it() -> None:
    names = set(considered())
    assert {"identified", "page_viewed", "feature_used", "demo_requested", "page_viewed_pricing"} <= names
    assert sum(name.startswith("feature_used_minutes_at_least_") for name in names) >= 3


def test_excluded_events_are_not_considered_even_in_signals_of_the_model() -> None:
    own = {
        name: Signal.model_validate({"on": on}) for name, on in [("trial", "Feature Used"), ("demo", "Demo Requested")]
    }
    names = set(considered(frozenset({"feature used"}), own))
    assert "demo" in names
    assert not {name for name in names if name.startswith(("feature_used", "trial"))}


def test_only_the_latest_columns_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.insight.signals.MAX_CACHED", 3)
    found = catalog(EVENTS)
    signal = found.add("signal", Signal.model_validate({"on": "bought"}))
    columns = [ref(found.counts(signal, days, None)) for days in range(1, 10)]
    assert [column() is not None for column in columns] == [False] * 6 + [True] * 3
