"""Proportions with their intervals: published examples, and what holds for all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.insight.proportions import Proportion, proportion


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_those_of_the_literature(part: int, whole: int, low: float, high: float) -> None:
    found = proportion(part, whole)
    assert found.rate == part / whole
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_nothing_has_no_rate() -> None:
    assert proportion(0, 0) == Proportion(None, None, None)


@given(whole=st.integers(1, 10**6), data=st.data())
def test_the_rate_is_within_the_interval(whole: int, data: st.DataObject) -> None:
    found = proportion(data.draw(st.integers(0, whole)), whole)
    assert found.rate is not None
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.rate <= found.high <= 1
    assert found.low < found.high
