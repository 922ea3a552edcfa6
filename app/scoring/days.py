"""Days: how many hits a signal has on each UTC day, kept in runs.

A run lists the hits of consecutive days. So the years of a busy lead are a few lists of small numbers, which are cheap
to read, add up, weigh and store: all of that happens with each event.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import add, itemgetter

LONGEST_GAP = 6
"""The most days without hits inside a run. Stored as zeros, they take less room than the beginning of another run."""


Run = tuple[int, Sequence[int]]
"""The first day, as a proleptic ordinal, and the hits on each day from then on. The first and last day have hits."""


class Days(Mapping[int, int]):
    """From a UTC day, as a proleptic ordinal, to its number of hits. Days without hits are absent. Immutable.

    `runs` ascend, and are further apart than `LONGEST_GAP`.
    """

    __slots__ = ("runs",)

    def __init__(self, runs: Sequence[Run] = ()) -> None:
        self.runs = runs

    @classmethod
    def of(cls, hits: Mapping[int, int]) -> "Days":
        return cls(_joined((day, (hits[day],)) for day in sorted(hits) if hits[day]))

    def __iter__(self) -> Iterator[int]:
        return (day for day, _ in _pairs(self.runs))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return bool(self.runs)

    def __getitem__(self, day: int) -> int:
        for first, hits in self.runs:
            if first <= day < first + len(hits) and hits[day - first]:
                return hits[day - first]
        raise KeyError(day)

    def __repr__(self) -> str:
        return f"Days.of({dict(self)})"

    @classmethod
    def sum(cls, parts: Iterable["Days"]) -> "Days":
        """The hits of all parts together. No part is modified."""
        runs: list[Run] = []
        for days in parts:
            runs += days.runs
        runs.sort(key=itemgetter(0))
        for _, hits in runs:
            if min(hits) < 0:  # days may cancel each other out
                return cls.of(_totals(runs))
        return cls(_joined(runs))

    def __sub__(self, other: "Days") -> "Days":
        """The inverse of addition: days on which the other has more hits get a negative number."""
        return Days.of(_totals((*self.runs, *((first, [-each for each in hits]) for first, hits in other.runs))))

    @property
    def last(self) -> int:
        """The last day. There must be one."""
        return _end(self.runs[-1]) - 1

    @property
    def total(self) -> int:
        runs = self.runs
        return sum(runs[0][1]) if len(runs) == 1 else sum([sum(hits) for _, hits in runs])

    @property
    def length(self) -> int:
        """The number of days in the runs, with or without hits."""
        runs = self.runs
        return len(runs[0][1]) if len(runs) == 1 else sum([len(hits) for _, hits in runs])

    def at_most(self, per_day: int | None) -> int:
        """At least as many as the hits of which `per_day` a day count, without looking at each day."""
        return self.total if per_day is None else per_day * self.length

    def capped(self, per_day: int | None) -> "Days":
        """The same days with at most `per_day` hits each."""
        if per_day is None:
            return self
        # Not `min`, which takes three times as long.
        return Days([(first, [per_day if each > per_day else each for each in hits]) for first, hits in self.runs])  # noqa: FURB136

    def between(self, first: int, last: int) -> "Days":
        """The days from `first` to `last`, both included."""
        runs = self.runs
        if not runs or (first <= runs[0][0] and _end(runs[-1]) <= last + 1):
            return self
        clipped = [_clipped(run, first, last + 1) for run in runs]
        return Days([run for run in clipped if run[1]])


def one_hit_on(day: int) -> Days:
    return Days([(day, (1,))])


def _pairs(runs: Iterable[Run]) -> Iterator[tuple[int, int]]:
    """Each day with its hits. A day that several runs have comes several times."""
    return ((first + offset, each) for first, hits in runs for offset, each in enumerate(hits) if each)


def _totals(runs: Iterable[Run]) -> dict[int, int]:
    totals: dict[int, int] = {}
    for day, hits in _pairs(runs):
        totals[day] = totals.get(day, 0) + hits
    return totals


def _joined(ascending: Iterable[Run]) -> list[Run]:
    """Runs that ascend by their first days, with those added up or joined that overlap or are close to each other."""
    joined: list[Run] = []
    total: list[int] = []  # the hits of the last run, if it was joined from several
    for first, hits in ascending:
        if not joined or first - _end(joined[-1]) > LONGEST_GAP:
            joined.append((first, hits))
            continue
        begin, before = joined[-1]
        if before is not total:
            total = list(before)  # a copy that may be changed
            joined[-1] = begin, total
        _add(total, first - begin, hits)
    return joined


def _add(total: list[int], offset: int, hits: Sequence[int]) -> None:
    """Add hits to those of a run, which begins `offset` days before them."""
    end = offset + len(hits)
    if len(hits) == 1 and end <= len(total):  # most often a single event
        total[offset] += hits[0]
        return
    total += [0] * (end - len(total))
    total[offset:end] = map(add, total[offset:end], hits)


def _clipped(run: Run, first: int, end: int) -> Run:
    """The part of a run between two days, the second excluded, without days at its ends that have no hits."""
    begin, hits = run
    start, stop = max(first - begin, 0), min(end - begin, len(hits))
    while start < stop and not hits[start]:
        start += 1
    while start < stop and not hits[stop - 1]:
        stop -= 1
    return begin + start, hits[start:stop] if start < stop else ()


def _end(run: Run) -> int:
    """The day after a run's last day."""
    return run[0] + len(run[1])
