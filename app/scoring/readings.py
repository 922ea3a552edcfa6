"""Testing many conditions on one event: each field is read once, and converted once, for all leaves that need it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

from app.scoring.conditions import CompiledCombination, CompiledCondition, CompiledLeaf
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
    """Several conditions on events: their leaves, by what they measure and how they convert it, and what joins them.

    In `combinations`, the children of each come before it.
    """

    tests: Sequence[tuple[Measure, Sequence[tuple[Read, Sequence[LeafTest]]]]]
    combinations: Sequence[CompiledCombination]

    @classmethod
    def of(cls, conditions: Iterable[CompiledCondition]) -> "Readings":
        tests: dict[Measure, dict[Read, list[LeafTest]]] = {}
        combinations: list[CompiledCombination] = []
        for condition in chain.from_iterable(map(_parts, conditions)):
            if isinstance(condition, CompiledCombination):
                combinations.append(condition)
            else:
                test = cast("FieldTest", condition.test)  # conditions on events have no other leaves
                by_read = tests.setdefault(condition.measure, {})
                by_read.setdefault(test.read, []).append((test.passes, condition))
        return cls([(measure, list(by_read.items())) for measure, by_read in tests.items()], combinations)

    def true_conditions(self, event: Event) -> set[CompiledCondition]:
        """The conditions, and the parts of them, that hold for the event: those whose `holds` would say so."""
        true: set[CompiledCondition] = set()
        for value, tests in self._values(event):
            for passes, leaf in tests:
                if passes(value):
                    true.add(leaf)
        for combination in self.combinations:
            if combination.answer(true.__contains__):
                true.add(combination)
        return true

    def _values(self, event: Event) -> Iterator[tuple[Any, Sequence[LeafTest]]]:
        """All values that can be converted, each with the tests that it is for."""
        for measure, by_read in self.tests:
            measured = measure(event)
            for read, tests in by_read:
                converted = read(measured)
                if isinstance(converted, list):
                    yield from ((value, tests) for value in converted)
                elif converted is not None:
                    yield converted, tests


def _parts(condition: CompiledCondition) -> Iterator[CompiledCondition]:
    """All that a condition consists of, children first, and the condition itself."""
    if isinstance(condition, CompiledCombination):
        for child in (*condition.all, *condition.any, *condition.none):
            yield from _parts(child)
    yield condition
