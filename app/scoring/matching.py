"""Matching the parts of two scoring models, whatever they are called.

A part that is in both models under different names was renamed. What refers to it counts as unchanged.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.scoring import parts
from app.scoring.document import ScoringModel
from app.scoring.parts import Names, Part, Parts

Order = Callable[[Iterable[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Match:
    """The parts in both models (with equal names, or renamed), those that are new, and those that are gone."""

    both: Sequence[tuple[Part, Part]]
    new: Sequence[Part]
    gone: Sequence[Part]


class Matches(NamedTuple):
    """The matches of the parts that other parts refer to by name."""

    signals: Match
    scores: Match
    stages: Match


def renamed_stages(before: ScoringModel, after: ScoringModel) -> dict[str, str]:
    """The stages that were renamed and are otherwise the same: old name to new name."""
    return {old.name: new.name for old, new in matches(before, after).stages.both if old.name != new.name}


def matches(before: ScoringModel, after: ScoringModel) -> Matches:
    of_signals = match(parts.signals(before), parts.signals(after))
    then, now = aliases(signal=of_signals)
    of_scores = match(parts.scores(before, then), parts.scores(after, now))
    then, now = aliases(signal=of_signals, score=of_scores)
    return Matches(of_signals, of_scores, match(parts.stages(before, then), parts.stages(after, now), _from_the_top))


def _from_the_top(stages: Iterable[str]) -> list[str]:
    """Highest stage first: of two stages with the same condition, the higher one has the leads."""
    return list(stages)[::-1]


def match(before: Parts, after: Parts, order: Order = sorted) -> Match:
    """Pair the parts of two models. Parts with equal meaning are paired in the order that `order` puts them in."""
    earlier = {new: old for old, new in _new_names(before, after, order).items()}
    earlier |= {key: key for key in after if key in before and key not in earlier}
    kept = set(earlier.values())
    return Match(
        both=[(before[earlier[key]], part) for key, part in after.items() if key in earlier],
        new=[part for key, part in after.items() if key not in earlier],
        gone=[part for key, part in before.items() if key not in kept],
    )


def _new_names(before: Parts, after: Parts, order: Order) -> dict[str, str]:
    """The parts that were renamed: old name to new name."""
    names = _paired(before, before.keys() - after.keys(), after, after.keys() - before.keys(), order)
    same = {key for key in before.keys() & after.keys() if before[key].meaning == after[key].meaning}
    left, free = before.keys() - names.keys() - same, after.keys() - set(names.values()) - same
    return names | _without_loose_ends(_paired(before, left, after, free, order), before, after)


def _paired(before: Parts, left: Collection[str], after: Parts, free: Collection[str], order: Order) -> dict[str, str]:
    """Pairs of equal meaning from `left` and `free`: old name to new name."""
    gone, new = _by_meaning(before, left, order), _by_meaning(after, free, order)
    return {old: key for meaning in gone for old, key in zip(gone[meaning], new.get(meaning, ()), strict=False)}


def _by_meaning(parts: Parts, names: Collection[str], order: Order) -> dict[str, list[str]]:
    by_meaning: dict[str, list[str]] = {}
    for key in order(key for key in parts if key in names):
        by_meaning.setdefault(parts[key].meaning, []).append(key)
    return by_meaning


def _without_loose_ends(names: Mapping[str, str], before: Parts, after: Parts) -> dict[str, str]:
    """The renames that form a swap, or a chain from a name that is gone to one that is new. Other chains are dropped.

    If a chain starts at a name that the later model still uses, or ends at one that the earlier model used, then the
    part of that name was changed rather than renamed.
    """
    kept = dict(names)
    for start in names.keys() - set(names.values()):
        chain = [start]
        while chain[-1] in names:
            chain.append(names[chain[-1]])
        if start in after or chain[-1] in before:
            for name in chain[:-1]:
                del kept[name]
    return kept


def aliases(**matched: Match) -> tuple[Names, Names]:
    """For each noun, from the names in the earlier and in the later model to aliases that are the same in both."""
    then = {noun: {old.name: alias(old, new) for old, new in match.both} for noun, match in matched.items()}
    now = {noun: {new.name: alias(old, new) for old, new in match.both} for noun, match in matched.items()}
    return then, now


def alias(old: Part, new: Part) -> str:
    """One name for a pair of parts. Symmetric; it includes the meaning, to distinguish two parts that swapped names."""
    if old.name == new.name:
        return old.name
    return " = ".join([*sorted((old.name, new.name)), hashlib.sha256(new.meaning.encode()).hexdigest()])
