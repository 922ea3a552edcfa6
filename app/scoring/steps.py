"""Score steps: scores in steps of twenty, by which lists are sorted before they are sorted exactly.

An index of exact scores would change with nearly every event. Steps change rarely, and a list's first page needs only
the leads of a few steps.
"""

import math
from collections.abc import Mapping

STEP = 20
INDEXED_SCORES = 2
"""How many scores have steps: the first ones of the model."""

MAX_STEP = 2**31 - 1  # the column's maximum


def step_of(value: float) -> int:
    """A score in whole steps, rounded down. Values beyond the largest step count as that step."""
    return max(-MAX_STEP, min(math.floor(value / STEP), MAX_STEP))


def steps_of(scores: Mapping[str, float]) -> tuple[int, int]:
    """The steps of the first two scores, which must be in the model's order; 0 where the model has fewer."""
    first, second = [*map(step_of, list(scores.values())[:INDEXED_SCORES]), 0, 0][:INDEXED_SCORES]
    return first, second
