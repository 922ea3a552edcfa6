"""Step 2, the traits: what is known about the lead at each snapshot, as columns, and the conditions to try."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from app.insight import fields
from app.insight.arrays import Flags, Ints
from app.insight.histories import History
from app.insight.log import FieldColumn, columns, flattened
from app.insight.snapshots import Snapshots
from app.scoring.conditions import compile_condition
from app.scoring.document import Leaf
from app.scoring.engine import profile_of
from app.scoring.facts import Facts, day_of, facts_of, merge
from app.scoring.rules import Profile

STEPS = np.arange(0.05, 1, 0.05)
COMMONEST = 30
MAX_CACHED = 1_000
"""Columns of flags, each of up to 60 KB."""


@dataclass(frozen=True)
class TraitTable:
    """The traits at each snapshot by dotted path, derived ones included."""

    columns: Mapping[str, FieldColumn]

    def holds(self, when: Mapping[str, Any]) -> Flags:
        """At which snapshots a leaf on one trait holds, by the engine's own test."""
        return self._cached_flags(json.dumps(when))

    @cached_property
    def _cached_flags(self) -> Callable[[str], Flags]:
        return lru_cache(MAX_CACHED)(self._evaluate)

    def _evaluate(self, when: str) -> Flags:
        condition = Leaf.model_validate_json(when)
        compiled, path = compile_condition(condition), str(condition.trait)
        column = self.columns[path]
        holds = [bool(compiled.holds(Profile(Facts(), {path: value}))) for value in column.values]
        return np.array([*holds, False])[column.codes]  # the code -1 takes the last


def read_traits(
    histories: Sequence[History], snapshots: Snapshots, trusted: frozenset[str] = frozenset()
) -> TraitTable:
    """`trusted` are traits of which only values from secret keys count."""
    rows: list[dict[str, Any]] = []
    starts = np.searchsorted(snapshots.leads, np.arange(len(histories) + 1))
    for lead, history in enumerate(histories):
        days = snapshots.days[starts[lead] : starts[lead + 1]].tolist()
        rows += map(dict, map(flattened, _traits_by_day(history, days, trusted)))
    return TraitTable(columns(rows))


def _traits_by_day(history: History, days: Sequence[int], trusted: frozenset[str]) -> Iterator[Mapping[str, Any]]:
    """The traits at the end of each of these days, which ascend."""
    waiting = sorted((event for event in history.events if event.traits), key=lambda event: event.occurred_at)
    waiting.reverse()
    facts, traits = Facts(), dict[str, Any]()
    for day in days:
        new = []
        while waiting and day_of(waiting[-1].occurred_at) <= day:
            new.append(facts_of(waiting.pop(), ()))
        if new:
            facts = merge([facts, *new])
            traits = dict(profile_of(facts, trusted).traits)
        yield traits


def thresholds(column: FieldColumn, codes: Ints) -> list[float]:
    """Every twentieth quantile of a numeric trait above its least value, and the first value above a heap there."""
    values = fields.numbers_of(column.values, codes)
    above = values[values > values.min()] if len(values) else values
    if not len(above):
        return []
    found = {*np.quantile(values, STEPS, method="higher").tolist(), float(above.min())}
    return [fields.plain_number(each) for each in sorted(found) if each > values.min()]


def commonest_levels(column: FieldColumn, codes: Ints, enough: int) -> list[Any]:
    """The commonest values, each in at least `enough` rows. Of a list, each element counts."""
    counts: dict[Any, int] = {}
    for code, rows in zip(*np.unique(codes[codes >= 0], return_counts=True), strict=True):
        value = column.values[code]
        for level in value if isinstance(value, list) else [value]:
            if fields.is_level(level):
                counts[level] = counts.get(level, 0) + int(rows)
    common = sorted((each for each in counts if counts[each] >= enough), key=lambda each: (-counts[each], str(each)))
    return common[:COMMONEST]
