"""Journeys: which stages a lead has reached and how long it took, as a text short enough for an index over all leads.

`1:0 3:48` is a lead that reached stage 1 of the model less than an hour after it was first seen, and stage 3 two days
later. `1 3` is the same without times. A step is recorded only if it leads higher than all steps before it. Lost stages
are not steps. Times are rounded down to hours on the first day and to days after it, so that many journeys are equal.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from app.scoring.document import Stage

HOURS_PER_DAY = 24
MAX_UNSEEN = timedelta(days=1)
"""How long before a lead became known its first event may lie. If it is older, it came as history, and the times at
which the lead reached its stages are only the times at which that was found out."""


class Step(NamedTuple):
    """Reaching a stage higher than all before. `rung`: its index in the model. `hours`: since the step before."""

    rung: int
    hours: int | None


def journey_of(
    stages: Iterable[Stage], reached: Mapping[str, datetime], first_seen_at: datetime | None, known_since: datetime
) -> str:
    """The journey of a lead that first entered each stage in `reached` at that time. Unknown stages are left out."""
    if not reached or first_seen_at is None:
        return ""
    rungs = {stage.name: rung for rung, stage in enumerate(stages) if rung and stage.outcome != "lost"}
    entered = sorted((at, rungs[name]) for name, at in reached.items() if name in rungs)
    is_timed = known_since - first_seen_at <= MAX_UNSEEN
    return " ".join(map(_text, _steps(entered, first_seen_at if is_timed else None)))


def _steps(entered: Iterable[tuple[datetime, int]], since: datetime | None) -> Iterator[Step]:
    highest = 0
    for at, rung in entered:
        if rung > highest:
            yield Step(rung, None if since is None else _rounded_hours(at - since))
            highest, since = rung, since and at


def _rounded_hours(time: timedelta) -> int:
    hours = max(time // timedelta(hours=1), 0)  # the clock of another process may be behind
    return hours if hours < HOURS_PER_DAY else hours - hours % HOURS_PER_DAY


def _text(step: Step) -> str:
    return f"{step.rung}" if step.hours is None else f"{step.rung}:{step.hours}"


class JourneySteps(dict[str, Step]):
    """Parses journeys. They consist of few different steps, so that each is parsed only once.

    `rungs`: the rung to give to each rung of the model by which the journeys were written.
    """

    def __init__(self, rungs: Sequence[int]) -> None:
        super().__init__()
        self._rungs = rungs

    def of(self, journey: str) -> list[Step]:
        return [self[text] for text in journey.split()]

    def __missing__(self, text: str) -> Step:
        rung, _, hours = text.partition(":")
        step = self[text] = Step(self._rungs[int(rung)], int(hours) if hours else None)
        return step
