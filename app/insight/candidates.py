"""Step 2, the candidates: everything a single rule could say, each as a column with one value a snapshot."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from heapq import nlargest
from typing import Any, NamedTuple

import numpy as np

from app.insight import fields
from app.insight.arrays import Column, Counts, Flags, Ints
from app.insight.signals import CountedSignal, SignalCatalog, candidate_signals
from app.insight.snapshots import Snapshots
from app.insight.traits import TraitTable, commonest_levels, thresholds

AT_LEAST = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 50, 100)
WINDOWS = (None, 365, 180, 90, 60, 30, 14, 7, 3, 1)
CAPS = (3, 5, 10, 20)
INACTIVITY = (3, 7, 14, 30, 60, 90, 180)
EVER = 36_500
"""`within_days` of a frequency rule that looks at all hits."""
MIN_SUPPORT, MIN_SHARE = 15, 0.01
MAX_CELLS = 2_400_000
"""Of the candidates, as many of the strongest are kept as give a matrix of this size."""
MIN_CANDIDATES = 200
COMPLEXITY = 1.04
"""The handicap of a rule for each of `where`, a window and `per_day`."""


@dataclass(frozen=True, slots=True)
class Study:
    """What the candidates are computed from: the snapshots, and what was known at each."""

    leads: int
    snapshots: Snapshots
    catalog: SignalCatalog
    traits: TraitTable
    days_since_last: Ints
    excluded_events: frozenset[str]
    excluded_traits: frozenset[str]
    trusted_traits: frozenset[str]

    def __len__(self) -> int:
        return len(self.snapshots)


@dataclass(frozen=True, slots=True)
class Frequency:
    """Points once, while there are so many hits."""

    signal: CountedSignal
    at_least: int
    within_days: int | None
    per_day: int | None

    def column(self, study: Study) -> Flags:
        counts = study.catalog.counts(self.signal, self.within_days, self.per_day)
        return np.asarray(counts >= self.at_least)

    def fields(self, points: int) -> dict[str, Any]:
        fields = {"signal": self.signal.name, "at_least": self.at_least, "within_days": self.within_days or EVER}
        return fields | _per_day(self.per_day) | {"points": points}


@dataclass(frozen=True, slots=True)
class PerHit:
    """Points for each hit, up to `most` hits."""

    signal: CountedSignal
    most: int
    within_days: int | None
    per_day: int | None

    def column(self, study: Study) -> Counts:
        counts = study.catalog.counts(self.signal, self.within_days, self.per_day)
        return np.minimum(counts, np.uint8(self.most))

    def fields(self, points: int) -> dict[str, Any]:
        window = {} if self.within_days is None else {"expires_after_days": self.within_days}
        fields = {"signal": self.signal.name, "points": points, "max_points": abs(points) * self.most}
        return fields | window | _per_day(self.per_day)


@dataclass(frozen=True, slots=True)
class Inactivity:
    """Points while the last event is so many days old."""

    days: int

    def column(self, study: Study) -> Flags:
        return np.asarray(study.days_since_last >= self.days)

    def fields(self, points: int) -> dict[str, Any]:
        return {"inactive_for_days": self.days, "points": points}


@dataclass(frozen=True, slots=True)
class TraitAtLeast:
    """Points while a numeric trait is at least so much."""

    trait: str
    least: float

    @property
    def when(self) -> dict[str, Any]:
        return {"trait": self.trait, "gte": self.least}

    def column(self, study: Study) -> Flags:
        return study.traits.holds(self.when)

    def fields(self, points: int) -> dict[str, Any]:
        return {"when": self.when, "points": points}


@dataclass(frozen=True, slots=True)
class TraitIn:
    """Points while a trait has one of these values."""

    trait: str
    levels: tuple[Any, ...]

    @property
    def when(self) -> dict[str, Any]:
        return {"trait": self.trait, "in": list(self.levels)}

    def column(self, study: Study) -> Flags:
        return study.traits.holds(self.when)

    def fields(self, points: int) -> dict[str, Any]:
        return {"when": self.when, "points": points}


Candidate = Frequency | PerHit | Inactivity | TraitAtLeast | TraitIn


def _per_day(per_day: int | None) -> dict[str, int]:
    return {} if per_day is None else {"per_day": per_day}


def extras(candidate: Candidate, catalog: SignalCatalog) -> int:
    """How many of `where`, a window and `per_day` the rule has."""
    if not isinstance(candidate, Frequency | PerHit):
        return 0
    windows = (candidate.within_days is not None) + (candidate.per_day is not None)
    return windows + (not catalog.is_plain(candidate.signal))


class Pool(NamedTuple):
    """Candidates with their columns over the training rows, and the weight by which plain ones win ties."""

    candidates: Sequence[Candidate]
    columns: Sequence[Column]
    weights: Sequence[float]

    def of(self, indices: Iterable[int]) -> "Pool":
        picked = list(indices)
        return Pool(
            [self.candidates[each] for each in picked],
            [self.columns[each] for each in picked],
            [self.weights[each] for each in picked],
        )


def pool(study: Study, training: Flags) -> Pool:
    """The candidates of the training rows that correlate most with the outcome, as many as `MAX_CELLS` allows.

    All have support on both sides. Of equal columns the plainest is kept.
    """
    rows = np.flatnonzero(training)
    most = max(MIN_CANDIDATES, MAX_CELLS // max(len(rows), 1))
    strongest = nlargest(most, _distinct(study, training, rows), key=lambda each: each.strength)
    strongest.sort(key=lambda each: each.position)
    return Pool(
        [each.candidate for each in strongest],
        [each.column for each in strongest],
        [each.weight for each in strongest],
    )


class _Found(NamedTuple):
    position: int
    candidate: Candidate
    column: Column
    weight: float
    strength: float


def _distinct(study: Study, training: Flags, rows: Ints) -> Iterator[_Found]:
    """One by one, since all columns together may not fit in memory. The plainest come first."""
    enough = max(MIN_SUPPORT, int(np.ceil(MIN_SHARE * len(rows))))
    had_outcome, seen = study.snapshots.had_outcome[rows], set[bytes]()
    ordered = sorted(_enumerate(study, training, enough), key=lambda each: extras(each, study.catalog))
    for position, candidate in enumerate(ordered):
        column = candidate.column(study)[rows]
        if support(column) >= enough and (content := _content(column)) not in seen:
            seen.add(content)
            weight = COMPLEXITY ** -extras(candidate, study.catalog)
            yield _Found(position, candidate, column, weight, weight * _correlation(column, had_outcome))


def support(column: Column) -> int:
    """The number of rows on the smaller side: with the rule, or without it."""
    present = int(np.count_nonzero(column))
    return min(present, len(column) - present)


def _content(column: Column) -> bytes:
    """A digest that is equal for columns with equal values, be they flags or counts."""
    values = np.packbits(column > 0) if column.max() <= 1 else column
    return blake2b(values.tobytes(), digest_size=16).digest()


def _correlation(column: Column, had_outcome: Flags) -> float:
    """The absolute correlation of a column with the outcome, up to a factor that is the same for all columns."""
    mean = column.mean()
    with_outcome = column[had_outcome]
    return abs(float(with_outcome.sum() - mean * len(with_outcome))) / float(column.std())


def _enumerate(study: Study, training: Flags, enough: int) -> Iterator[Candidate]:
    for signal in candidate_signals(study.catalog, _last_days(study, training), study.excluded_events, enough):
        yield from _of_signal(study, signal)
    yield from map(Inactivity, INACTIVITY)
    yield from _of_traits(study, training, enough)


def _last_days(study: Study, training: Flags) -> Ints:
    """The day of each lead's last training row, 0 for leads without one."""
    rows = study.snapshots[training]
    last = np.zeros(study.leads, dtype=np.int64)
    np.maximum.at(last, rows.leads, rows.days)
    return last


def _of_signal(study: Study, signal: CountedSignal) -> Iterator[Candidate]:
    for per_day in (None, 1):
        for within_days in WINDOWS:
            most = int(study.catalog.counts(signal, within_days, per_day).max(initial=0))
            yield from (Frequency(signal, n, within_days, per_day) for n in AT_LEAST if n <= most)
            if most > 1:
                yield from (PerHit(signal, cap, within_days, per_day) for cap in CAPS)


def _of_traits(study: Study, training: Flags, enough: int) -> Iterator[Candidate]:
    for path, column in study.traits.columns.items():
        if path in study.excluded_traits or not fields.is_candidate_name(path):
            continue
        codes = column.codes[training]
        if fields.is_numeric(column.values):
            yield from (TraitAtLeast(path, least) for least in thresholds(column, codes))
        elif not fields.looks_like_id(column.values, codes):
            yield from (TraitIn(path, (level,)) for level in commonest_levels(column, codes, enough))
