"""Quartiles of whole numbers that are given as counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Quartiles:
    """Of `size` values: a quarter are at most `lower`, half at most `median`, three quarters at most `upper`."""

    lower: int
    median: int
    upper: int
    size: int


def quartiles(counts: Mapping[int, int]) -> Quartiles | None:
    """The quartiles of values, given how often each occurs; None without values. Each quartile is one of the values."""
    size = sum(counts.values())
    if not size:
        return None
    values = sorted(counts)
    ranks = list(accumulate(counts[value] for value in values))
    lower, median, upper = (
        next(value for value, rank in zip(values, ranks, strict=True) if 4 * rank >= quarters * size)
        for quarters in (1, 2, 3)
    )
    return Quartiles(lower, median, upper, size)
