"""Testing many conditions on one event: each field is read once, and converted once, for all leaves that need it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from app.scoring.conditions import Answer, CompiledCombination, CompiledCondition, CompiledLeaf
from app.scoring.events import Event
from app.scoring.operators import FieldTest

Measure = Callable[[Any], Any]
"""Reads a field of an event."""

Read = Callable[[Any], Any]
"""Converts a field's value: None if it can't be converted, and a list for several values."""

LeafTest = tuple[Callable[[Any], bool], CompiledLeaf]
"""The test of a converted value, and the leaf that it decides."""


@dataclass(frozen=True, slots=True)
class Readings:
    """The leaves of several conditions on events, by what they measure and how they convert it."""

    tests: Sequence[tuple[Measure, Sequence[tuple[Read, Sequence[LeafTest]]]]]

    @classmethod
    def of(cls, conditions: Iterable[CompiledCondition]) -> "Readings":
        tests: dict[Measure, dict[Read, list[LeafTest]]] = {}
        for condition in conditions:
            for leaf in _leaves(condition):
                test = cast("FieldTest", leaf.test)  # conditions on events have no other leaves
                tests.setdefault(leaf.measure, {}).setdefault(test.read, []).append((test.passes, leaf))
        return cls([(measure, list(by_read.items())) for measure, by_read in tests.items()])

    def true_leaves(self, event: Event) -> set[CompiledLeaf]:
        """The leaves that hold for the event: those of which `FieldTest` would say so."""
        true: set[CompiledLeaf] = set()
        for measure, by_read in self.tests:
            measured = measure(event)
            for read, tests in by_read:
                for value in _values(read(measured)):
                    true.update([leaf for passes, leaf in tests if passes(value)])
        return true


def answer_from(true_leaves: set[CompiledLeaf], condition: CompiledCondition) -> Answer:
    """Whether a condition holds, given those of its leaves that do."""
    if isinstance(condition, CompiledCombination):
        return condition.answer(lambda child: answer_from(true_leaves, child))
    return condition in true_leaves


def _values(converted: Any) -> Sequence[Any]:
    if isinstance(converted, list):
        return converted
    return () if converted is None else (converted,)


def _leaves(condition: CompiledCondition) -> Iterator[CompiledLeaf]:
    if isinstance(condition, CompiledCombination):
        for child in (*condition.all, *condition.any, *condition.none):
            yield from _leaves(child)
    else:
        yield condition
