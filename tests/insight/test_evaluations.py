"""Evaluations at snapshots: what had happened by then, or what was known by then."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from app.insight.evaluations import evaluations
from app.insight.histories import History, late_share, was_imported
from app.insight.snapshots import Snapshots
from app.scoring.engine import compile_model
from app.scoring.events import Identity
from app.scoring.model import load_model
from tests.insight.world import event

DAY = date(2025, 3, 3)
MODEL = compile_model(
    load_model(
        {
            "name": "m",
            "signals": {"used": {"on": "Used"}},
            "scores": {"fit": {"rules": {"used": {"signal": "used", "points": 10}}}},
            "stages": [{"name": "interest"}],
        }
    ),
    version=1,
)


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def scores(history: History, *, as_known: bool) -> list[float]:
    """At the ends of the days 0, 5 and 9."""
    rows = Snapshots(np.zeros(3, dtype=np.int64), DAY.toordinal() + np.array([0, 5, 9]), np.zeros(3, dtype=np.bool_))
    return [each.values["fit"] for each in evaluations(MODEL, [history], rows, as_known=as_known)]


@pytest.mark.parametrize("as_known", [True, False])
def test_what_happens_after_a_snapshot_is_not_seen(as_known: bool) -> None:
    history = History("a", [event("a", DAY + timedelta(days=days), "Used") for days in (10, 5, 0)])
    assert scores(history, as_known=as_known) == [10, 20, 20]


def test_what_arrives_late_is_not_known_before() -> None:
    late = replace(event("a", DAY, "Used"), received_at=at(DAY + timedelta(days=6)))
    assert scores(History("a", [late]), as_known=True) == [0, 0, 10]
    assert scores(History("a", [late]), as_known=False) == [10, 10, 10]


def test_what_another_identity_did_is_known_since_it_was_linked() -> None:
    links = {Identity("user_id", "a"): at(DAY + timedelta(days=3))}
    assert scores(History("a", [event("a", DAY, "Used")], linked_at=links), as_known=True) == [0, 10, 10]


def test_history_was_imported_if_many_events_arrived_a_day_late() -> None:
    events = [event("a", DAY + timedelta(days=days), "Used") for days in range(20)]
    late = [replace(each, received_at=each.occurred_at + timedelta(days=1)) for each in events]
    assert late_share([History("a", [*events, *late])]) == 0.5
    assert was_imported([History("a", [*events[:18], *late[18:]])])
    assert not was_imported([History("a", [*events[:19], *late[19:]])])
    assert not was_imported([History("a", [])])
