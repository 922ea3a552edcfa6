"""Proportions of small numbers, with the interval that the true proportion is likely in."""

from dataclasses import dataclass
from math import sqrt

Z_95 = 1.959963984540054  # 95 % of a normal distribution lie within so many standard deviations


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share of a whole, and its 95 % interval. All are None if there is nothing to take a share of."""

    rate: float | None
    low: float | None
    high: float | None


def proportion(part: int, whole: int) -> Proportion:
    return Proportion(*wilson(part, whole)) if whole else Proportion(None, None, None)


def wilson(part: int, whole: int) -> tuple[float, float, float]:
    """A rate with Wilson's score interval, which stays within 0 and 1 and is sound for few cases and rates near 0."""
    rate, weight = part / whole, Z_95**2 / whole
    center = (rate + weight / 2) / (1 + weight)
    half_width = Z_95 / (1 + weight) * sqrt(rate * (1 - rate) / whole + weight / (4 * whole))
    # The rate itself is always within, but rounding can put a limit on its wrong side.
    return rate, min(max(center - half_width, 0.0), rate), max(min(center + half_width, 1.0), rate)
