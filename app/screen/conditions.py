"""Conditions in words: what holds a lead in its stage, and what it lacks for the stages above."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.documents.reasons import ExplainedCombination, ExplainedCondition, ExplainedLeaf
from app.screen.formats import TIMES, cut, number
from app.screen.labels import as_words

MAX_OTHERS = 3
MAX_VALUE = 60

COMPARISONS = {
    "eq": "is {}",
    "ne": "is not {}",
    "in_": "is one of {}",
    "not_in": "is none of {}",
    "gt": "above {}",
    "gte": "at least {}",
    "lt": "below {}",
    "lte": "at most {}",
    "contains": "contains {}",
    "starts_with": "begins with {}",
    "ends_with": "ends with {}",
}


@dataclass(frozen=True, slots=True)
class Names:
    """The titles of a model's scores and signals."""

    scores: Mapping[str, str]
    signals: Mapping[str, str]

    def score(self, name: str) -> str:
        return self.scores.get(name) or as_words(name)

    def signal(self, name: str) -> str:
        return self.signals.get(name) or as_words(name)


@dataclass(frozen=True, slots=True)
class Gap:
    """What a lead lacks. `share`: how much of it is there, in percent, None where that can't be measured.

    `others`: what would do instead.
    """

    text: str
    now: str
    share: float | None
    others: tuple[str, ...] = ()


def met(condition: ExplainedCondition | None, names: Names) -> list[str]:
    """The parts of a condition that holds. Of alternatives, those that hold are one part."""
    return [] if condition is None else _parts(condition, names, is_nested=False)


def _parts(condition: ExplainedCondition, names: Names, *, is_nested: bool) -> list[str]:
    """What has to hold together. Nested alternatives are in brackets."""
    if isinstance(condition, ExplainedLeaf):
        return [described(condition, names)]
    return [
        *(text for part in condition.all or () for text in _parts(part, names, is_nested=is_nested)),
        *_alternatives(condition.any or (), names, is_nested=is_nested),
        *(f"not: {_as_one(part, names)}" for part in condition.none or ()),
    ]


def _alternatives(parts: Sequence[ExplainedCondition], names: Names, *, is_nested: bool) -> list[str]:
    """One text. A single alternative is needed like any other part."""
    if len(parts) <= 1:
        return [text for part in parts for text in _parts(part, names, is_nested=is_nested)]
    text = " or ".join(_as_one(part, names) for part in parts)
    return [f"({text})" if is_nested else text]


def _as_one(condition: ExplainedCondition, names: Names) -> str:
    """A condition within another, in brackets unless it is a single one: `(email is known and Started a trial)`."""
    parts = _parts(condition, names, is_nested=True)
    return parts[0] if len(parts) == 1 else f"({' and '.join(parts)})"


def gaps(condition: ExplainedCondition | None, names: Names) -> list[Gap]:
    """What is missing: all of it is needed. Of alternatives, the nearest comes first."""
    if condition is None:
        return []
    if isinstance(condition, ExplainedLeaf):
        return [_gap(condition, names)]
    found = [gap for part in condition.all or () for gap in gaps(part, names)]
    if condition.any:
        found.append(_nearest(condition, names))
    return [*found, *(Gap(f"not: {_as_one(part, names)}", "", None) for part in condition.none or ())]


def _nearest(condition: ExplainedCombination, names: Names) -> Gap:
    alternatives = [gaps(part, names) for part in condition.any or ()]
    first, *others = sorted(alternatives, key=lambda gap: -min(each.share or 0 for each in gap))
    texts = [" and ".join(each.text for each in gap) for gap in others]
    more = [f"{len(texts) - MAX_OTHERS} more"] if len(texts) > MAX_OTHERS else []
    text = " and ".join(each.text for each in first)
    return Gap(text, first[0].now, first[0].share, (*texts[:MAX_OTHERS], *more))


# --- Leaves -----------------------------------------------------------------------------------------------------


def described(leaf: ExplainedLeaf, names: Names) -> str:
    """`engagement 72.88, at least 40`, `Trial started`, `email is known`."""
    if leaf.score is not None:
        return f"{names.score(leaf.score)} {_value(leaf.actual)}, {_comparison(leaf)}"
    if leaf.signal is not None:
        count = f" {number(leaf.actual)}{TIMES}" if leaf.actual and leaf.actual > 1 else ""
        return f"{names.signal(leaf.signal)}{count}{_window(leaf)}"
    return f"{leaf.trait} {_comparison(leaf)}"


def _gap(leaf: ExplainedLeaf, names: Names) -> Gap:
    if leaf.score is not None:
        needed = leaf.gte if leaf.gte is not None else leaf.gt
        if leaf.short_by is not None and needed is not None and needed > 0:
            text = f"{number(leaf.short_by)} more {names.score(leaf.score).lower()}"
            return Gap(text, f"{_value(leaf.actual)} of {_value(needed)}", _share(leaf.actual, needed))
        return Gap(f"{names.score(leaf.score)} {_comparison(leaf)}", f"now {_value(leaf.actual)}", None)
    if leaf.signal is not None:
        needed = leaf.at_least or 1
        missing = f"{number(leaf.short_by)} more: " if leaf.actual and leaf.short_by else ""
        times = f" {needed}{TIMES}" if needed > 1 and not missing else ""
        text = f"{missing}{names.signal(leaf.signal)}{times}{_window(leaf)}"
        return Gap(text, f"{number(leaf.actual or 0)} of {needed}", _share(leaf.actual, needed))
    now = "not known" if leaf.actual is None else f"now {_value(leaf.actual)}"
    return Gap(f"{leaf.trait} {_comparison(leaf)}", now, None)


def _share(actual: Any, needed: float) -> float:
    return max(0.0, min(100.0, 100 * (actual or 0) / needed))


def _window(leaf: ExplainedLeaf) -> str:
    return f" within {leaf.within_days} days" if leaf.within_days else ""


def _comparison(leaf: ExplainedLeaf) -> str:
    return " and ".join(_comparisons(leaf))


def _comparisons(leaf: ExplainedLeaf) -> Iterator[str]:
    for operator, words in COMPARISONS.items():
        expected = getattr(leaf, operator)
        if expected is not None:
            yield words.format(_value(expected))
    if leaf.exists is not None:
        yield "is known" if leaf.exists else "is not known"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return cut(", ".join(map(_value, value)), MAX_VALUE)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, int | float) else cut(value, MAX_VALUE)
