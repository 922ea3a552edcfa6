"""Conditions at work: a question asks one thing, a junction joins the answers, and both can say why.

Answers are true, false, or None for "not certain": over a span of days a number is known only within bounds.
`all`, `any` and `none` are those of Kleene's three-valued logic, which is Boolean where everything is certain.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
class Question:
    """A leaf. It is asked of a view: an object with what the leaf's subject needs.

    That is `properties`, `context` or `traits` (mappings), `score(name)` or `hits(signal, within_days)` (bounds).
    """

    written: Mapping[str, Any]
    measure: Callable[[Any], Any]
    test: Callable[[Any], Answer]

    def holds(self, view: Any) -> Answer:
        return self.test(self.measure(view))

    def explain(self, view: Any) -> dict[str, Any]:
        """The leaf as the model writes it, with the `actual` value and, for a number that fails, by how much."""
        measured = self.measure(view)
        actual = measured[0] if isinstance(measured, tuple) else measured
        short_by = None if self.test(measured) else _shortfall(self.written, as_number(actual))
        return {**self.written, "actual": actual, "short_by": short_by}


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by `all`, `any` and `none`; where several stand together, each must hold."""

    all: tuple["Node", ...]
    any: tuple["Node", ...]
    none: tuple["Node", ...]

    def holds(self, view: Any) -> Answer:
        certain = True
        for child in self.all:
            answer = child.holds(view)
            if answer is False:
                return False
            certain = certain and answer is not None
        for child in self.none:
            answer = child.holds(view)
            if answer:
                return False
            certain = certain and answer is not None
        if not self.any:
            return True if certain else None
        one = any_of([child.holds(view) for child in self.any])
        return one if certain or one is False else None

    def explain(self, view: Any) -> dict[str, Any]:
        """The junction, less the parts that don't matter: what makes it hold, or what keeps it from holding."""
        verdict = self.holds(view)
        parts = {
            "all": [child for child in self.all if child.holds(view) is verdict],
            "any": [child for child in self.any if child.holds(view) is verdict],
            "none": [child for child in self.none if child.holds(view) is not verdict],
        }
        if verdict is False and any_of(child.holds(view) for child in self.any):
            parts["any"] = []
        told = {combiner: [child.explain(view) for child in children] for combiner, children in parts.items()}
        return _shortest({combiner: reasons for combiner, reasons in told.items() if reasons})


Node = Question | Junction


def _shortest(parts: dict[str, Any]) -> dict[str, Any]:
    alone = next(iter(parts.values())) if len(parts) == 1 and "none" not in parts else []
    return dict(alone[0]) if len(alone) == 1 else parts


def _shortfall(written: Mapping[str, Any], actual: float | None) -> float | None:
    if actual is None:
        return None
    if "signal" in written:
        return int(written.get("at_least", 1)) - actual
    thresholds = {name: as_number(written.get(name)) for name in THRESHOLDS}
    failed = [limit for name, limit in thresholds.items() if limit is not None and not THRESHOLDS[name](actual, limit)]
    gaps = [abs(limit - actual) for limit in failed]
    return round(max(gaps), 2) if gaps else None


def all_of(answers: Iterable[Answer]) -> Answer:
    certain = True
    for answer in answers:
        if answer is False:
            return False
        certain = certain and answer is not None
    return True if certain else None


def any_of(answers: Iterable[Answer]) -> Answer:
    certain = True
    for answer in answers:
        if answer:
            return True
        certain = certain and answer is not None
    return False if certain else None


def negation(answer: Answer) -> Answer:
    return None if answer is None else not answer


def compile_condition(condition: Condition) -> Node:
    if isinstance(condition, Combination):
        parts = {name: tuple(map(compile_condition, getattr(condition, name) or ())) for name in COMBINERS}
        return Junction(**parts)
    return _question(condition)


def _question(leaf: Leaf) -> Question:
    written, target = leaf.as_written(), leaf.target
    if leaf.signal is not None:
        within_days, at_least = leaf.within_days, leaf.at_least or 1
        enough = bounds_test({"gte": at_least})
        return Question(written, lambda view: view.hits(target, within_days), enough)
    if leaf.score is not None:
        return Question(written, lambda view: view.score(target), bounds_test(leaf.operators))
    return Question(written, _field(FIELDS[leaf.subject], target), field_test(leaf.operators))


def _field(root: str, target: str) -> Callable[[Any], Any]:
    """How to find a field, by its dotted path, in one of a view's mappings."""
    mapping_of, path = attrgetter(root), target.split(".")
    if len(path) == 1:
        return lambda view: mapping_of(view).get(target)
    return lambda view: lookup(mapping_of(view), path)


def lookup(value: Any, path: Sequence[str]) -> Any:
    """The value at the end of a path through mappings, or None where there is none."""
    for part in path:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


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
