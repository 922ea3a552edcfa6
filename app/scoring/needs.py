"""Needs: what a lead must have for a stage's condition to hold. Most leads lack it, and then nothing more is asked."""

from collections.abc import Mapping
from functools import reduce
from typing import NamedTuple

from app.scoring.conditions import CompiledLeaf, compile_condition, top_names
from app.scoring.document import Combination, Condition, Leaf
from app.scoring.rules import Profile


class Needs(NamedTuple):
    """Hits of one of these signals, given by their fingerprints, or one of these traits."""

    fingerprints: frozenset[str] = frozenset()
    traits: frozenset[str] = frozenset()

    def are_met(self, profile: Profile) -> bool:
        return not (self.fingerprints.isdisjoint(profile.facts.tally) and self.traits.isdisjoint(profile.traits))


def needs_of(condition: Condition, fingerprints: Mapping[str, str]) -> Needs | None:
    """What the condition can't hold without; None if nothing is known.

    `fingerprints` maps signals' names to their fingerprints.
    """
    if isinstance(condition, Leaf):
        return _needs_of_leaf(condition, fingerprints)
    every = [needs_of(each, fingerprints) for each in condition.all or ()]
    return next(filter(None, [*every, _needs_of_any(condition, fingerprints)]), None)


def _needs_of_leaf(leaf: Leaf, fingerprints: Mapping[str, str]) -> Needs | None:
    if leaf.signal is not None:
        return Needs(fingerprints=frozenset([fingerprints[leaf.target]]))
    compiled = compile_condition(leaf)
    assert isinstance(compiled, CompiledLeaf)  # noqa: S101 - as its source is one
    if leaf.score is not None or compiled.test(None):
        return None
    return Needs(traits=top_names(leaf.target))


def _needs_of_any(condition: Combination, fingerprints: Mapping[str, str]) -> Needs | None:
    """What all alternatives need, taken together. An alternative without needs may hold by itself."""
    alternatives = [needs_of(each, fingerprints) for each in condition.any or ()]
    known = [each for each in alternatives if each is not None]
    return reduce(_or, known) if known and len(known) == len(alternatives) else None


def _or(one: Needs, other: Needs) -> Needs:
    return Needs(one.fingerprints | other.fingerprints, one.traits | other.traits)
