"""Which parts of two scoring models are the same, under whatever name.

What stands in both models under different names was renamed: what refers to it counts as unchanged.
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
    """What stands in both models, by name or as renamed, what is new and what is gone."""

    both: Sequence[tuple[Part, Part]]
    new: Sequence[Part]
    gone: Sequence[Part]


class Matches(NamedTuple):
    """How the parts of two models match that others refer to by name."""

    signals: Match
    scores: Match
    stages: Match


def renamed_stages(before: ScoringModel, after: ScoringModel) -> dict[str, str]:
    """By their names before, what stages are called now that have another name and are otherwise the same."""
    return {old.name: new.name for old, new in matches(before, after).stages.both if old.name != new.name}


def matches(before: ScoringModel, after: ScoringModel) -> Matches:
    of_signals = match(parts.signals(before), parts.signals(after))
    then, now = aliases(signal=of_signals)
    of_scores = match(parts.scores(before, then), parts.scores(after, now))
    then, now = aliases(signal=of_signals, score=of_scores)
    return Matches(of_signals, of_scores, match(parts.stages(before, then), parts.stages(after, now), _from_the_top))


def _from_the_top(stages: Iterable[str]) -> list[str]:
    """Of two stages with one condition the upper one holds the leads."""
    return list(stages)[::-1]


def match(before: Parts, after: Parts, order: Order = sorted) -> Match:
    """Which parts are the same. Of several that mean the same, those that come first in `order` are paired first."""
    earlier = {new: old for old, new in _new_names(before, after, order).items()}
    earlier |= {key: key for key in after if key in before and key not in earlier}
    kept = set(earlier.values())
    return Match(
        both=[(before[earlier[key]], part) for key, part in after.items() if key in earlier],
        new=[part for key, part in after.items() if key not in earlier],
        gone=[part for key, part in before.items() if key not in kept],
    )


def _new_names(before: Parts, after: Parts, order: Order) -> dict[str, str]:
    """By their names before, what parts are called now that have another name."""
    names = _paired(before, before.keys() - after.keys(), after, after.keys() - before.keys(), order)
    same = {key for key in before.keys() & after.keys() if before[key].meaning == after[key].meaning}
    left, free = before.keys() - names.keys() - same, after.keys() - set(names.values()) - same
    return names | _without_loose_ends(_paired(before, left, after, free, order), before, after)


def _paired(before: Parts, left: Collection[str], after: Parts, free: Collection[str], order: Order) -> dict[str, str]:
    """Those of these parts that mean the same."""
    gone, new = _by_meaning(before, left, order), _by_meaning(after, free, order)
    return {old: key for meaning in gone for old, key in zip(gone[meaning], new.get(meaning, ()), strict=False)}


def _by_meaning(parts: Parts, wanted: Collection[str], order: Order) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in order(key for key in parts if key in wanted):
        found.setdefault(parts[key].meaning, []).append(key)
    return found


def _without_loose_ends(names: Mapping[str, str], before: Parts, after: Parts) -> dict[str, str]:
    """Names that parts exchange or hand on, but no chain of them at whose end a name means something else by itself.

    A name that is still in use, but not for anything that was there before, is of a part that has changed.
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
    """What to call the renamed things of these nouns in the earlier and in the later model."""
    then = {noun: {old.name: alias(old, new) for old, new in found.both} for noun, found in matched.items()}
    now = {noun: {new.name: alias(old, new) for old, new in found.both} for noun, found in matched.items()}
    return then, now


def alias(old: Part, new: Part) -> str:
    """The same whichever of the two is the earlier; the meaning tells two parts apart that exchanged their names."""
    if old.name == new.name:
        return old.name
    return " = ".join([*sorted((old.name, new.name)), hashlib.sha256(new.meaning.encode()).hexdigest()])
