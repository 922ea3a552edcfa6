"""Decay: what a hit still counts at some age."""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import mul

from app.scoring.days import Days
from app.scoring.document import Rule

Weight = Callable[[int], float]
"""From a hit's age in whole UTC days to its weight: from 1 for a new hit down to 0."""

FOREVER = 4_000_000
"""More days than the calendar has."""

ROUNDING = 1e-9
"""The most by which a sum of so many floats is wrong, relative to it, if none is negative: each adds up to 2^-53."""


class Decay:
    """A weight by age. Behaves as if it were immutable: it only keeps the weights that it has worked out.

    `lifetime`: the age in days at which nothing is left of a hit. `is_gradual`: whether any weight is between 0 and 1.
    """

    __slots__ = ("_weights", "is_gradual", "lifetime", "weight")

    def __init__(self, weight: Weight) -> None:
        self.weight = weight
        self.lifetime = bisect_left(range(FOREVER), 0.0, key=lambda age: -weight(age))
        self.is_gradual = self.lifetime > 1 and weight(self.lifetime - 1) < 1
        self._weights: Sequence[float] = ()

    def weighted(self, days: Days, today: int) -> float:
        """The sum of all hits, weighted. There must be none on days to come."""
        if not self.is_gradual or not days.runs:
            return days.total
        if days.length == 1:  # as most often: a sum would take longer
            day, (hits,) = days.runs[0]
            return hits * self.weight(today - day)
        return math.fsum(chain.from_iterable(self._shares(days, today)))

    def roughly_weighted(self, days: Days, today: int) -> float:
        """The same in half the time, with a relative error of at most `ROUNDING`."""
        if not self.is_gradual or not days.runs:
            return days.total
        return sum(map(sum, self._shares(days, today)))

    def age_of(self, weight: float) -> int:
        """The age from which on a hit has at most this weight."""
        return bisect_left(range(self.lifetime), -weight, key=lambda age: -self.weight(age))

    def _shares(self, days: Days, today: int) -> list[Iterable[float]]:
        """The weighted hits of each day, by run."""
        weights = self._oldest_first(today - days.runs[0][0])
        day_0 = len(weights) - 1 - today  # where a day with the ordinal 0 would be
        return [map(mul, hits, weights[day_0 + first : day_0 + first + len(hits)]) for first, hits in days.runs]

    def _oldest_first(self, age: int) -> Sequence[float]:
        """The weights of all ages from this one, or a greater one, down to 0."""
        weights = self._weights
        if age >= len(weights):
            # Replaced, never changed: evaluations run in several threads.
            weights = self._weights = [self.weight(each) for each in range(min(2 * age, self.lifetime), -1, -1)]
        return weights


def weight_of(rule: Rule) -> Weight:
    if rule.expires_after_days is not None:
        limit = rule.expires_after_days
        return lambda age: 1.0 if age < limit else 0.0
    if rule.half_life_days is not None:
        half_life = rule.half_life_days
        return lambda age: 2.0 ** (-age / half_life)
    if rule.fades_over_days is not None:
        span = rule.fades_over_days
        return lambda age: max(0.0, 1.0 - age / span)
    return lambda _age: 1.0
