"""Conditions at work: a question asks one thing, a junction joins the answers, and both can say why.

Answers are true, false, or None for "not certain": over a span of days a number is known only within bounds.
`all`, `any` and `none` are those of Kleene's three-valued logic, which is Boolean where everything is certain.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter, ge, gt, le, lt
from typing import Any

from app.scoring.document import COMBINERS, Combination, Condition, Leaf
from app.scoring.operators import NEGATIONS, as_number, field_test

Bounds = tuple[float, float]
"""The least and the greatest that a number can be; the same, where it is known."""

Answer = bool | None
FIELDS = {"property": "properties", "context": "context", "trait": "traits"}
THRESHOLDS: Mapping[str, Callable[[float, float], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}


@dataclass(frozen=True, slots=True)
class CompiledLeaf:
    """A leaf. It is asked of a view: an object with what the leaf's subject needs.

    That is `properties`, `context` or `traits` (mappings), `score(name)` or `hits(signal, within_days)` (bounds).
    """

    written: Mapping[str, Any]
    measure: Callable[[Any], Any]
    test: Callable[[Any], Answer]

    def holds(self, view: Any) -> Answer:
        return self.test(self.measure(view))

    def explain(self, view: Any, *, wanted: bool = True) -> dict[str, Any]:
        """The leaf as the model writes it, with the `actual` value and, for a number that is too small, by how much.

        A leaf that is not `wanted` stands under `none`: no number is missing there, whether it holds or not.
        """
        measured = self.measure(view)
        actual = measured[0] if isinstance(measured, tuple) else measured
        fails = wanted and not self.test(measured)
        return {**self.written, "actual": actual, "short_by": _shortfall(self.written, actual) if fails else None}


@dataclass(frozen=True, slots=True)
class CompiledCombination:
    """Conditions joined by `all`, `any` and `none`; where several stand together, each must hold."""

    all: tuple["CompiledCondition", ...]
    any: tuple["CompiledCondition", ...]
    none: tuple["CompiledCondition", ...]

    def holds(self, view: Any) -> Answer:
        return all_of(self._answers(view))

    def _answers(self, view: Any) -> Iterator[Answer]:
        for child in self.all:
            yield child.holds(view)
        for child in self.none:
            yield negation(child.holds(view))
        if self.any:
            yield any_of([child.holds(view) for child in self.any])

    def explain(self, view: Any, *, wanted: bool = True) -> dict[str, Any]:
        """The junction, less the parts that don't matter: what makes it hold, or what keeps it from holding."""
        verdict = self.holds(view)
        parts = {
            "all": [child for child in self.all if child.holds(view) is verdict],
            "any": [child for child in self.any if child.holds(view) is verdict],
            "none": [child for child in self.none if child.holds(view) is not verdict],
        }
        if verdict is False and any_of(child.holds(view) for child in self.any):
            parts["any"] = []
        return _shortest(
            {
                combiner: [child.explain(view, wanted=wanted is (combiner != "none")) for child in children]
                for combiner, children in parts.items()
                if children
            }
        )


CompiledCondition = CompiledLeaf | CompiledCombination


def _shortest(parts: dict[str, Any]) -> dict[str, Any]:
    alone = next(iter(parts.values())) if len(parts) == 1 and "none" not in parts else []
    return dict(alone[0]) if len(alone) == 1 else parts


def _shortfall(written: Mapping[str, Any], value: Any) -> float | None:
    actual = as_number(value)
    if actual is None:
        return None
    if "signal" in written:
        return int(written.get("at_least", 1)) - actual
    thresholds = {name: as_number(written.get(name)) for name in THRESHOLDS}
    failed = [limit for name, limit in thresholds.items() if limit is not None and not THRESHOLDS[name](actual, limit)]
    gaps = [abs(limit - actual) for limit in failed]
    return round(max(gaps), 2) if gaps else None


def all_of(answers: Iterable[Answer]) -> Answer:
    return _joined(answers, decisive=False)


def any_of(answers: Iterable[Answer]) -> Answer:
    return _joined(answers, decisive=True)


def _joined(answers: Iterable[Answer], *, decisive: bool) -> Answer:
    """What one answer settles alone, or all the others together."""
    certain = True
    for answer in answers:
        if answer is decisive:
            return decisive
        certain = certain and answer is not None
    return not decisive if certain else None


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
        return CompiledLeaf(written, lambda view: view.hits(target, within_days), enough)
    if leaf.score is not None:
        return CompiledLeaf(written, lambda view: view.score(target), bounds_test(leaf.operators))
    return CompiledLeaf(written, _field(FIELDS[leaf.subject], target), field_test(leaf.operators))


def _field(root: str, path: str) -> Callable[[Any], Any]:
    """How to find a field in one of a view's mappings."""
    mapping_of = attrgetter(root)
    if "." not in path:
        return lambda view: mapping_of(view).get(path)
    return lambda view: lookup(mapping_of(view), path)


def lookup(value: Any, path: str) -> Any:
    """The field of that name or, where there is none, the value at the end of the dotted path; None if absent.

    Names may have dots too, so a path can begin with any of `beginnings(path)`. Through a list, it leads to a list of
    what the elements have there.
    """
    if isinstance(value, list):
        return _lookup_in_each(value, path)
    if not isinstance(value, dict):
        return None
    found = value.get(path)
    if found is None:
        for name, rest in beginnings(path):
            inner = value.get(name)
            if inner is not None and (found := lookup(inner, rest)) is not None:
                return found
    return found


@lru_cache(maxsize=4096)
def beginnings(path: str) -> tuple[tuple[str, str], ...]:
    """Each way to split a path into the name of a field and the path within it, the longest name first."""
    dots = [position for position, each in enumerate(path) if each == "."]
    return tuple((path[:dot], path[dot + 1 :]) for dot in reversed(dots))


def _lookup_in_each(elements: list[Any], path: str) -> list[Any] | None:
    found = [inner for each in _flat(elements) if (inner := lookup(each, path)) is not None]
    return _flat(found) if found else None


def _flat(elements: list[Any]) -> list[Any]:
    """The elements with those of the lists among them in their place, without recursion: a client nests at will."""
    flat, waiting = [], elements[::-1]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += reversed(each)
        else:
            flat.append(each)
    return flat


def bounds_test(operators: Mapping[str, Any]) -> Callable[[Bounds], Answer]:
    """The question whether a number that lies within bounds, infinite ones too, passes all these operators."""
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
