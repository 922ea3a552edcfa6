"""Compiled conditions: leaves test one value each, combinations join them, and both can explain their answer.

An answer is true, false, or None for "unknown": over a span of days a number is known only within bounds.
`all`, `any` and `none` follow Kleene's three-valued logic, which is Boolean logic where everything is known.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter, ge, gt, le, lt, methodcaller
from typing import Any

from app.scoring.document import COMBINERS, Combination, Condition, Leaf
from app.scoring.operators import NEGATIONS, FieldTest, as_number, field_test

Bounds = tuple[float, float]
"""The least and the greatest possible value of a number; equal if it is known."""

Answer = bool | None
Explained = tuple[Answer, dict[str, Any]]
"""An answer, and why."""

FIELDS = {"property": "properties", "context": "context", "trait": "traits"}
THRESHOLDS: Mapping[str, Callable[[float, float], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}


@dataclass(frozen=True, slots=True, eq=False)
class CompiledLeaf:
    """A leaf, tested on a view: an object that provides what the leaf's subject needs.

    That is `properties`, `context` or `traits` (mappings), or `score(name)` or `hits(signal, within_days)` (bounds).
    `shortfall`: by how much a value misses; None if that can't be said of such a leaf.
    Compared by identity: `Readings` keeps leaves in sets. Leaves of the same field usually have the same `measure`.
    """

    written: Mapping[str, Any]
    measure: Callable[[Any], Any]
    test: FieldTest | Callable[[Any], Answer]
    shortfall: Callable[[float], float | None] | None

    def holds(self, view: Any) -> Answer:
        return self.test(self.measure(view))

    def explain(self, view: Any, *, negated: bool = False) -> Explained:
        """The leaf as the model writes it, plus the `actual` value and, for a number that falls short, `short_by`.

        A `negated` leaf is one under `none`, where nothing can fall short.
        """
        measured = self.measure(view)
        actual = measured[0] if isinstance(measured, tuple) else measured
        answer, short_by = self.test(measured), None
        if self.shortfall is not None and not answer and not negated:
            number = as_number(actual)
            short_by = None if number is None else self.shortfall(number)
        return answer, {**self.written, "actual": actual, "short_by": short_by}


@dataclass(frozen=True, slots=True, eq=False)
class CompiledCombination:
    """Conditions joined by `all`, `any` and `none`; each of the three that is given must hold.

    Compared by identity, like leaves.
    """

    all: tuple["CompiledCondition", ...]
    any: tuple["CompiledCondition", ...]
    none: tuple["CompiledCondition", ...]

    def holds(self, view: Any) -> Answer:
        return self.answer(methodcaller("holds", view))

    def answer(self, ask: Callable[["CompiledCondition"], Answer]) -> Answer:
        """The answer that follows from those of the children, which are asked only as long as they matter."""
        answer = all_of(map(ask, self.all)) if self.all else True
        if self.none and answer is not False:
            answer = all_of((answer, negation(any_of(map(ask, self.none)))))
        if self.any and answer is not False:
            answer = all_of((answer, any_of(map(ask, self.any))))
        return answer

    def explain(self, view: Any, *, negated: bool = False) -> Explained:
        """Only the parts that decide the answer: those that make the combination hold, or those that make it fail."""
        explained = {child: child.explain(view, negated=negated) for child in (*self.all, *self.any)}
        explained |= {child: child.explain(view, negated=not negated) for child in self.none}
        verdict = self.answer(lambda child: explained[child][0])
        parts = {
            "all": [reason for answer, reason in map(explained.__getitem__, self.all) if answer is verdict],
            "any": [reason for answer, reason in map(explained.__getitem__, self.any) if answer is verdict],
            "none": [reason for answer, reason in map(explained.__getitem__, self.none) if answer is not verdict],
        }
        if verdict is False and any_of(explained[child][0] for child in self.any):
            parts["any"] = []
        return verdict, _shortest({combiner: reasons for combiner, reasons in parts.items() if reasons})


CompiledCondition = CompiledLeaf | CompiledCombination


def _shortest(parts: dict[str, Any]) -> dict[str, Any]:
    children = next(iter(parts.values())) if len(parts) == 1 and "none" not in parts else []
    return dict(children[0]) if len(children) == 1 else parts


def all_of(answers: Iterable[Answer]) -> Answer:
    """False if any answer is false, None if the others are not all known, and otherwise true."""
    certain = True
    for answer in answers:
        if answer is False:
            return False
        if answer is None:
            certain = False
    return True if certain else None


def any_of(answers: Iterable[Answer]) -> Answer:
    """True if any answer is true, None if the others are not all known, and otherwise false."""
    certain = True
    for answer in answers:
        if answer is True:
            return True
        if answer is None:
            certain = False
    return False if certain else None


def negation(answer: Answer) -> Answer:
    return None if answer is None else not answer


def compile_condition(condition: Condition) -> CompiledCondition:
    if isinstance(condition, Combination):
        parts = {name: tuple(map(compile_condition, getattr(condition, name) or ())) for name in COMBINERS}
        return CompiledCombination(**parts)
    return _compile_leaf(condition)


def _compile_leaf(leaf: Leaf) -> CompiledLeaf:
    written, target = leaf.as_written(), leaf.target
    if leaf.signal is not None:
        within_days, at_least = leaf.within_days, leaf.at_least or 1
        enough = bounds_test({"gte": at_least})
        return CompiledLeaf(written, lambda view: view.hits(target, within_days), enough, lambda hits: at_least - hits)
    shortfall = _shortfall(leaf.operators)
    if leaf.score is not None:
        return CompiledLeaf(written, lambda view: view.score(target), bounds_test(leaf.operators), shortfall)
    return CompiledLeaf(written, _field(FIELDS[leaf.subject], target), field_test(leaf.operators), shortfall)


def _shortfall(operators: Mapping[str, Any]) -> Callable[[float], float | None] | None:
    """By how much a number misses the farthest of the thresholds; None if there are none."""
    numbers = {name: as_number(operators.get(name)) for name in THRESHOLDS}
    limits = [(THRESHOLDS[name], limit) for name, limit in numbers.items() if limit is not None]

    def shortfall(actual: float) -> float | None:
        gaps = [abs(limit - actual) for compare, limit in limits if not compare(actual, limit)]
        return round(max(gaps), 2) if gaps else None

    return shortfall if limits else None


@lru_cache(maxsize=4096)
def _field(root: str, path: str) -> Callable[[Any], Any]:
    """A function that reads a field from one of a view's mappings."""
    mapping_of = attrgetter(root)
    if "." not in path:
        return lambda view: mapping_of(view).get(path)
    look_up = _lookup(path)
    return lambda view: look_up(mapping_of(view))


def lookup(value: Any, path: str) -> Any:
    """The field of that exact name or else the value at the end of the dotted path; None if there is neither.

    Names may contain dots, so every split in `beginnings(path)` is tried. A path through a list gives a list of the
    elements' values.
    """
    return _lookup(path)(value)


@lru_cache(maxsize=4096)
def _lookup(path: str) -> Callable[[Any], Any]:
    """The function that looks up this path."""
    ways = [(name, _lookup(rest)) for name, rest in beginnings(path)]

    def look_up(value: Any) -> Any:
        if not isinstance(value, dict):
            return look_up_in_each(value) if isinstance(value, list) else None
        found = value.get(path)
        if found is None:
            for name, look_up_rest in ways:
                inner = value.get(name)
                if inner is not None and (found := look_up_rest(inner)) is not None:
                    return found
        return found

    def look_up_in_each(elements: list[Any]) -> list[Any] | None:
        found = [inner for each in _flat(elements) if (inner := look_up(each)) is not None]
        return _flat(found) if found else None

    return look_up


@lru_cache(maxsize=4096)
def beginnings(path: str) -> tuple[tuple[str, str], ...]:
    """Every way to split a path into the name of a field and the path within it, the longest name first."""
    dots = [position for position, each in enumerate(path) if each == "."]
    return tuple((path[:dot], path[dot + 1 :]) for dot in reversed(dots))


def top_names(path: str) -> frozenset[str]:
    """The names of the top-level fields at which a path may begin."""
    return frozenset([path, *(name for name, _ in beginnings(path))])


def _flat(elements: list[Any]) -> list[Any]:
    """The elements, with nested lists flattened. Not recursive, since clients may nest lists to any depth."""
    flat, waiting = [], elements[::-1]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += reversed(each)
        else:
            flat.append(each)
    return flat


def bounds_test(operators: Mapping[str, Any]) -> Callable[[Bounds], Answer]:
    """A test of whether a number known within bounds (which may be infinite) passes all these operators."""
    tests = [_bound_test(name, operand) for name, operand in operators.items()]
    return tests[0] if len(tests) == 1 else lambda bounds: all_of(test(bounds) for test in tests)


def _bound_test(name: str, operand: Any) -> Callable[[Bounds], Answer]:
    if name in THRESHOLDS:
        return _threshold_test(THRESHOLDS[name], operand)
    if name in NEGATIONS:
        positive = _bound_test(NEGATIONS[name], operand)
        return lambda bounds: negation(positive(bounds))
    equalities = [_equality_test(number) for number in (operand if name == "in" else [operand])]
    return lambda bounds: any_of(holds(bounds) for holds in equalities)


def _equality_test(number: float) -> Callable[[Bounds], Answer]:
    def holds(bounds: Bounds) -> Answer:
        least, greatest = bounds
        return False if not least <= number <= greatest else True if least == greatest else None

    return holds


def _threshold_test(compare: Callable[[float, float], bool], threshold: float) -> Callable[[Bounds], Answer]:
    def holds(bounds: Bounds) -> Answer:
        least, greatest = bounds
        answer = compare(least, threshold)
        return answer if least == greatest or compare(greatest, threshold) == answer else None

    return holds
