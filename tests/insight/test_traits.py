"""Traits at snapshots: what was known by then, thresholds and levels."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from app.insight.histories import History
from app.insight.log import columns
from app.insight.snapshots import Snapshots
from app.insight.traits import commonest_levels, read_traits, thresholds
from tests.insight.world import START, event

DAY = START.date()


def table(*given: tuple[int, dict[str, Any]]) -> Any:
    """The traits of one lead on the days 0, 5 and 9, from `identify` calls on these days."""
    events = [event("a", DAY + timedelta(days=day), "Identified", traits=traits) for day, traits in given]
    rows = Snapshots(np.zeros(3, dtype=np.int64), DAY.toordinal() + np.array([0, 5, 9]), np.zeros(3, dtype=np.bool_))
    return read_traits([History("a", events)], rows)


@pytest.mark.parametrize(
    ("given", "when", "expected"),
    [
        ([(5, {"size": 50}), (0, {"size": 10})], {"trait": "size", "gte": 50}, [False, True, True]),
        ([(0, {"size": "50"})], {"trait": "size", "gte": 50}, [True, True, True]),
        ([(0, {"plan": "Pro"}), (6, {"plan": None})], {"trait": "plan", "in": ["pro"]}, [True, True, False]),
        ([(0, {"company": {"size": 7}})], {"trait": "company.size", "gte": 5}, [True, True, True]),
        ([(0, {"uses": ["mail", "crm"]})], {"trait": "uses", "in": ["crm"]}, [True, True, True]),
        ([(0, {"email": "ada@gmail.com"})], {"trait": "email_kind", "in": ["free"]}, [True, True, True]),
    ],
)
def test_a_condition_holds_as_it_does_in_the_engine(given: Any, when: dict[str, Any], expected: list[bool]) -> None:
    assert table(*given).holds(when).tolist() == expected


def test_thresholds_are_above_the_least_value_and_begin_above_a_heap() -> None:
    column = columns([{"a": value} for value in [0] * 90 + [3, 5, 8, 13, 21, 34, 55, 89, 144, 233]])["a"]
    assert thresholds(column, column.codes) == [3, 34]
    same = columns([{"a": 7}] * 20)["a"]
    assert thresholds(same, same.codes) == []


def test_levels_are_the_commonest_with_enough_rows() -> None:
    column = columns([{"a": value} for value in ["de"] * 20 + ["us"] * 30 + ["fr"] * 3 + [["us", "de"]] * 5])["a"]
    assert commonest_levels(column, column.codes, 5) == ["us", "de"]


def test_only_training_rows_are_looked_at() -> None:
    column = columns([{"a": value} for value in ["de"] * 20 + ["us"] * 30])["a"]
    assert commonest_levels(column, column.codes[:20], 5) == ["de"]
