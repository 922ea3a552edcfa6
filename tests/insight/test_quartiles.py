"""Quartiles of counted values, against the values written out."""

from collections import Counter
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from app.insight.quartiles import Quartiles, quartiles


def test_no_values_have_no_quartiles() -> None:
    assert quartiles({}) is None


def test_quartiles_are_values_that_occur() -> None:
    assert quartiles({0: 3, 10: 1}) == Quartiles(0, 0, 0, 4)
    assert quartiles({1: 1, 2: 1, 3: 1, 4: 1}) == Quartiles(1, 2, 3, 4)
    assert quartiles({5: 1}) == Quartiles(5, 5, 5, 1)


@given(st.lists(st.integers(0, 50), min_size=1))
def test_they_are_the_nearest_ranks_of_the_sorted_values(values: list[int]) -> None:
    ranked = sorted(values)
    lower, median, upper = (ranked[ceil(len(ranked) * part / 4) - 1] for part in (1, 2, 3))
    assert quartiles(Counter(values)) == Quartiles(lower, median, upper, len(values))
