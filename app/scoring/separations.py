"""Separations: which leads messages must not join, because somebody has split them.

Each split has an id, and the two leads that it makes are on different sides of it, 0 and 1. A lead that is merged into
another brings its sides along. So whatever becomes of the two, they stay apart without naming each other.
"""

from collections.abc import Iterable, Mapping

Separations = Mapping[str, int]
"""From the id of a split to the lead's side of it."""


def are_apart(one: Separations, other: Separations) -> bool:
    """Whether two leads are on different sides of a split."""
    return any(other.get(split, side) != side for split, side in one.items())


def joined(parts: Iterable[Separations]) -> dict[str, int]:
    """The separations of leads that become one. A split with the new lead on both sides no longer separates it."""
    sides: dict[str, set[int]] = {}
    for part in parts:
        for split, side in part.items():
            sides.setdefault(split, set()).add(side)
    return {split: min(found) for split, found in sides.items() if len(found) == 1}
