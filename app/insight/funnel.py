"""Funnels: of the leads in each group, how many reached which stage, how long it took, and where they are now.

docs/reports.md defines each figure.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from app.insight.quartiles import Quartiles, quartiles
from app.scoring.document import Stage
from app.scoring.journeys import Step

LOST = -1
"""Where a lead is now if that is a lost stage, instead of a rung."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The stages that a funnel has: all but the lost ones, the lowest first. A rung is an index of it."""

    stages: tuple[Stage, ...]

    @classmethod
    def of(cls, stages: Iterable[Stage]) -> Self:
        return cls(tuple(stage for stage in stages if stage.outcome != "lost"))

    @property
    def won(self) -> int | None:
        """The lowest rung whose leads are won."""
        return next((rung for rung, stage in enumerate(self.stages) if stage.outcome == "won"), None)

    @property
    def qualified(self) -> int | None:
        """The lowest rung whose leads are ready for sales."""
        return next((rung for rung, stage in enumerate(self.stages) if stage.sales_ready), None)


class Alike(NamedTuple):
    """How many leads of a group are at the same rung (or `LOST`) after the same steps. Their rungs are the ladder's."""

    group: str | None
    now: int
    steps: Sequence[Step]
    leads: int


@dataclass(frozen=True, slots=True)
class StageFigures:
    """One stage of a funnel. Times are in hours; `from_previous` is of those leads alone that entered this very stage.

    `lost_ground`: leads that reached this stage or a higher one, but are in a lower one now that isn't a lost one.
    """

    stage: Stage
    reached: int
    now: int
    lost_ground: int
    from_previous: Quartiles | None
    from_first_seen: Quartiles | None


@dataclass(frozen=True, slots=True)
class Funnel:
    """The figures of one group of leads. Each lead is `won`, `lost` or neither.

    `lost_ground`: leads that are in a lower stage now than the highest that they reached, and not in a lost one.
    """

    leads: int
    won: int
    lost: int
    lost_ground: int
    stages: tuple[StageFigures, ...]

    def reached(self, rung: int | None) -> int | None:
        """How many leads reached a rung; None if there is no such rung."""
        return self.stages[rung].reached if rung is not None and rung < len(self.stages) else None


def _counters() -> defaultdict[int, Counter[int]]:
    return defaultdict(Counter)


@dataclass(slots=True)
class _Sums:
    """What the leads of a group add up to: by the highest rung and where they are now, and the times by rung."""

    places: Counter[tuple[int, int]] = field(default_factory=Counter)
    from_previous: defaultdict[int, Counter[int]] = field(default_factory=_counters)
    from_first_seen: defaultdict[int, Counter[int]] = field(default_factory=_counters)

    def add(self, now: int, steps: Iterable[Step], leads: int) -> None:
        highest, since_previous, since_seen = 0, 0, 0
        for rung, hours in steps:
            since_previous += hours or 0
            since_seen += hours or 0
            if rung <= highest:  # it was a step up by an older version of the model
                continue
            if hours is not None:
                self.from_previous[rung][since_previous] += leads
                for reached in range(highest + 1, rung + 1):
                    self.from_first_seen[reached][since_seen] += leads
            highest, since_previous = rung, 0
        self.places[max(highest, now), now] += leads

    def include(self, other: "_Sums") -> None:
        self.places.update(other.places)
        for rung, hours in other.from_previous.items():
            self.from_previous[rung].update(hours)
        for rung, hours in other.from_first_seen.items():
            self.from_first_seen[rung].update(hours)


def funnels(ladder: Ladder, leads: Iterable[Alike]) -> tuple[Funnel, dict[str | None, Funnel]]:
    """The funnel of all leads, and that of each group, the largest first."""
    sums = defaultdict[str | None, _Sums](_Sums)
    for group, now, steps, count in leads:
        sums[group].add(now, steps, count)
    total = _Sums()
    for each in sums.values():
        total.include(each)
    by_size = sorted(sums, key=lambda group: (-sums[group].places.total(), group or ""))
    return _funnel(ladder, total), {group: _funnel(ladder, sums[group]) for group in by_size}


def _funnel(ladder: Ladder, sums: _Sums) -> Funnel:
    won = len(ladder.stages) if ladder.won is None else ladder.won
    return Funnel(
        leads=sums.places.total(),
        won=sum(leads for (highest, _), leads in sums.places.items() if highest >= won),
        lost=sum(leads for (highest, now), leads in sums.places.items() if highest < won and now == LOST),
        lost_ground=sum(leads for (highest, now), leads in sums.places.items() if LOST < now < highest),
        stages=tuple(_figures(rung, stage, sums) for rung, stage in enumerate(ladder.stages)),
    )


def _figures(rung: int, stage: Stage, sums: _Sums) -> StageFigures:
    places = sums.places.items()
    return StageFigures(
        stage=stage,
        reached=sum(leads for (highest, _), leads in places if highest >= rung),
        now=sum(leads for (_, now), leads in places if now == rung),
        lost_ground=sum(leads for (highest, now), leads in places if now != LOST and now < rung <= highest),
        from_previous=quartiles(sums.from_previous[rung]),
        from_first_seen=quartiles(sums.from_first_seen[rung]),
    )
