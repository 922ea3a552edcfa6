"""Testing many conditions on one event: each field is read once, and what depends on it alone is decided at once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, cast

from app.scoring.conditions import CompiledCombination, CompiledCondition, CompiledLeaf
from app.scoring.events import Event
from app.scoring.operators import FieldTest

REMEMBERED = 1_024
"""Values of a field whose outcome is remembered: most events come from few pages, forms, features and plans."""

LONGEST_REMEMBERED = 200  # characters

Measure = Callable[[Any], Any]
"""Reads a field of an event."""

Read = Callable[[Any], Any]
"""Converts a field's value: None if it can't be converted, and a list for several values."""

Decide = Callable[[Any], Iterable[CompiledCondition]]
"""From a field's value to the conditions, and the parts of them, that hold because of it."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Several conditions on events, by what they depend on: on one field, or (`joining`) on several.

    The children of those in `joining` come before them.
    """

    fields: Sequence[tuple[Measure, Decide]]
    joining: Sequence[CompiledCombination]

    @classmethod
    def of(cls, conditions: Iterable[CompiledCondition]) -> "Readings":
        by_field: dict[Measure, list[CompiledCondition]] = {}
        joining: list[CompiledCombination] = []
        for condition in chain.from_iterable(map(_parts, conditions)):
            measures = {leaf.measure for leaf in _parts(condition) if isinstance(leaf, CompiledLeaf)}
            if len(measures) == 1:
                by_field.setdefault(measures.pop(), []).append(condition)
            else:
                joining.append(cast("CompiledCombination", condition))  # a leaf has one field
        return cls([(measure, _remembering(_decide(parts))) for measure, parts in by_field.items()], joining)

    def true_conditions(self, event: Event) -> set[CompiledCondition]:
        """The conditions, and the parts of them, that hold for the event: those whose `holds` would say so."""
        true: set[CompiledCondition] = set()
        for measure, decide in self.fields:
            true.update(decide(measure(event)))
        _join(true, self.joining)
        return true


def _parts(condition: CompiledCondition) -> Iterator[CompiledCondition]:
    """All that a condition consists of, children first, and the condition itself."""
    if isinstance(condition, CompiledCombination):
        for child in (*condition.all, *condition.any, *condition.none):
            yield from _parts(child)
    yield condition


def _join(true: set[CompiledCondition], combinations: Iterable[CompiledCombination]) -> None:
    """Add the combinations that hold, given that all others of the conditions that hold are in the set."""
    for combination in combinations:
        if combination.answer(true.__contains__):
            true.add(combination)


def _decide(conditions: Iterable[CompiledCondition]) -> Decide:
    """Decides these conditions on one field, which come after their children."""
    tests: dict[Read, list[tuple[Callable[[Any], bool], CompiledLeaf]]] = {}
    combinations: list[CompiledCombination] = []
    for condition in conditions:
        if isinstance(condition, CompiledCombination):
            combinations.append(condition)
        else:
            test = cast("FieldTest", condition.test)  # conditions on events have no other leaves
            tests.setdefault(test.read, []).append((test.passes, condition))

    def decide(value: Any) -> frozenset[CompiledCondition]:
        true: set[CompiledCondition] = set()
        for read, of_read in tests.items():
            converted = read(value)
            values = converted if isinstance(converted, list) else () if converted is None else (converted,)
            true.update(leaf for each in values for passes, leaf in of_read if passes(each))
        _join(true, combinations)
        return frozenset(true)

    return decide


def _remembering(decide: Decide) -> Decide:
    """The same decisions. Those on texts, and on the absence of a field, are remembered."""
    remembered = lru_cache(REMEMBERED)(decide)

    def decide_once(value: Any) -> Iterable[CompiledCondition]:
        is_short = value is None or (isinstance(value, str) and len(value) <= LONGEST_REMEMBERED)
        return remembered(value) if is_short else decide(value)

    return decide_once
