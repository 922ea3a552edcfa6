"""The effect of another model: leads evaluated with both models, summarized for whoever decides about publishing it.

Apart from the leads that move most and a few ids per move, it keeps only counts and numbers, so that millions of leads
fit in memory.
"""

import heapq
import math
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from app.scoring.engine import CompiledModel, CompiledScore, Evaluation, Line, ledger
from app.scoring.matching import renamed_stages
from app.scoring.rules import to_cents

QUANTILES = {"min": 0.0, "p10": 0.1, "p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9, "max": 1.0}
MAX_MOVERS = 20
MAX_LEADS_PER_MOVE = 20


class Placement(NamedTuple):
    """A lead's stage and evaluation under one of the models."""

    stage: str
    evaluation: Evaluation


@dataclass(frozen=True, slots=True)
class Distribution:
    """The distribution of a score: quantiles by name, each the value of an actual lead, and leads by band."""

    mean: float
    quantiles: Mapping[str, float]
    bands: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A line of a ledger that differs between the models; None if one of them has no such line."""

    score: str
    before: Line | None
    after: Line | None


@dataclass(frozen=True, slots=True)
class Mover:
    """A lead whose scores or stage change. `distance` is the sum of its scores' changes, in points."""

    lead_id: UUID
    distance: float
    before: Placement
    after: Placement

    @property
    def lines(self) -> list[ChangedLine]:
        before, after = self.before.evaluation, self.after.evaluation
        names = sorted({*before.values, *after.values})
        return [line for name in names for line in _changed_lines(before, after, name)]


class Preview:
    """Two models compared over leads, which are added one by one.

    A stage that was only renamed has its new name throughout, so that its leads don't appear to move. Creating a
    preview compares the two models, which takes too long for the event loop.
    """

    def __init__(self, before: CompiledModel, after: CompiledModel) -> None:
        self.before = before
        self.after = after
        self.leads = 0
        self.moves: Counter[tuple[str, str]] = Counter()
        self.leads_by_move: dict[tuple[str, str], list[UUID]] = {}
        self._values = tuple({name: array("d") for name in model.scores} for model in (before, after))
        self._renamed = renamed_stages(before.document, after.document)
        self._movers: list[tuple[tuple[float, bool, int], Mover]] = []

    def add(self, lead_id: UUID, before: Placement, after: Placement) -> None:
        before = before._replace(stage=self._present_name(before.stage))
        self.leads += 1
        self._count_move((before.stage, after.stage), lead_id)
        for values, placement in zip(self._values, (before, after), strict=True):
            for name, value in placement.evaluation.values.items():
                values[name].append(value)
        self._note(Mover(lead_id, _distance(before.evaluation, after.evaluation), before, after))

    def _count_move(self, move: tuple[str, str], lead_id: UUID) -> None:
        self.moves[move] += 1
        some = self.leads_by_move.setdefault(move, [])
        if len(some) < MAX_LEADS_PER_MOVE:
            some.append(lead_id)

    def _present_name(self, stage: str) -> str:
        return self._renamed.get(stage, stage)

    def _note(self, mover: Mover) -> None:
        changes_stage = mover.before.stage != mover.after.stage
        if not (mover.distance or changes_stage):
            return
        entry = (mover.distance, changes_stage, -mover.lead_id.int), mover
        if len(self._movers) < MAX_MOVERS:
            heapq.heappush(self._movers, entry)
        else:
            heapq.heappushpop(self._movers, entry)

    @property
    def stages(self) -> tuple[dict[str, int], dict[str, int]]:
        """Leads by stage, before and after: every stage of the models, and any others that leads are still in."""
        before = {self._present_name(stage.name): 0 for stage in self.before.stages}
        after = {stage.name: 0 for stage in self.after.stages}
        for (left, entered), leads in self.moves.items():
            before[left] = before.get(left, 0) + leads
            after[entered] = after.get(entered, 0) + leads
        return before, after

    @property
    def stage_changes(self) -> int:
        """How many leads change their stage, and so how many notifications would be sent."""
        return sum(leads for (before, after), leads in self.moves.items() if before != after)

    @property
    def distributions(self) -> tuple[dict[str, Distribution], dict[str, Distribution]]:
        """By score, before and after."""
        before, after = (
            {name: _distribution(model.scores[name], values[name]) for name in model.scores}
            for model, values in zip((self.before, self.after), self._values, strict=True)
        )
        return before, after

    @property
    def movers(self) -> list[Mover]:
        """The leads that move most, the largest distance first."""
        return [mover for _, mover in sorted(self._movers, reverse=True)]


def _distance(before: Evaluation, after: Evaluation) -> float:
    names = {*before.values, *after.values}
    return to_cents(math.fsum(abs(after.values.get(name, 0) - before.values.get(name, 0)) for name in names))


def _distribution(score: CompiledScore, values: Sequence[float]) -> Distribution:
    ordered = sorted(values)
    last = len(ordered) - 1
    bands = Counter(score.band(value) for value in ordered)
    return Distribution(
        mean=to_cents(math.fsum(ordered) / len(ordered)) if ordered else 0.0,
        quantiles={name: ordered[round(share * last)] for name, share in QUANTILES.items()} if ordered else {},
        bands={name: bands[name] for _, name in score.bands},
    )


def _changed_lines(before: Evaluation, after: Evaluation, score: str) -> Iterator[ChangedLine]:
    old, new = _lines(before, score), _lines(after, score)
    for key in [*old, *(key for key in new if key not in old)]:
        if old.get(key) != new.get(key):
            yield ChangedLine(score, old.get(key), new.get(key))


def _lines(evaluation: Evaluation, score: str) -> dict[tuple[str, str], Line]:
    lines = ledger(evaluation, score) if score in evaluation.values else ()
    return {(line.rule, line.kind): line for line in lines}
