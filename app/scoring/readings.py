"""Testing many conditions on one event: each field is read once, and converted once, for all leaves that need it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from app.scoring.conditions import Answer, CompiledCombination, CompiledCondition, CompiledLeaf
from app.scoring.events import Event
from app.scoring.operators import FieldTest

Reader = Callable[[Any], Any]
Passing = tuple[Callable[[Any], bool], CompiledLeaf]


@dataclass(frozen=True, slots=True)
class Readings:
    """The leaves of several conditions on events, by what they measure and how they convert it."""

    leaves: Sequence[tuple[Reader, Sequence[tuple[Reader, Sequence[Passing]]]]]

    @classmethod
    def of(cls, conditions: Iterable[CompiledCondition]) -> "Readings":
        leaves: dict[Reader, dict[Reader, list[Passing]]] = {}
        for condition in conditions:
            for leaf in _leaves(condition):
                test = cast("FieldTest", leaf.test)  # conditions on events have no other leaves
                leaves.setdefault(leaf.measure, {}).setdefault(test.read, []).append((test.passes, leaf))
        return cls([(measure, list(by_reader.items())) for measure, by_reader in leaves.items()])

    def true_leaves(self, event: Event) -> set[CompiledLeaf]:
        """The leaves that hold for the event: those of which `FieldTest` would say so."""
        true: set[CompiledLeaf] = set()
        for measure, by_reader in self.leaves:
            measured = measure(event)
            for read, leaves in by_reader:
                actual = read(measured)
                for each in actual if isinstance(actual, list) else () if actual is None else (actual,):
                    for passes, leaf in leaves:
                        if passes(each):
                            true.add(leaf)
        return true


def answer_from(true_leaves: set[CompiledLeaf], condition: CompiledCondition) -> Answer:
    """Whether a condition holds, given those of its leaves that do."""
    if isinstance(condition, CompiledCombination):
        return condition.answer(lambda child: answer_from(true_leaves, child))
    return condition in true_leaves


def _leaves(condition: CompiledCondition) -> Iterator[CompiledLeaf]:
    if isinstance(condition, CompiledCombination):
        for child in (*condition.all, *condition.any, *condition.none):
            yield from _leaves(child)
    else:
        yield condition
