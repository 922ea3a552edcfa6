"""Scores by the real engine at snapshots in the past."""

from collections.abc import Iterator, Sequence

import numpy as np

from app.insight.histories import History
from app.insight.snapshots import Snapshots
from app.scoring.engine import CompiledModel, Evaluation, evaluate_day, profile_of
from app.scoring.facts import Facts, day_of, merge


def evaluations(model: CompiledModel, histories: Sequence[History], snapshots: Snapshots) -> Iterator[Evaluation]:
    """Each lead's evaluation at each of its snapshots, from the events up to the end of that day."""
    starts = np.searchsorted(snapshots.leads, np.arange(len(histories) + 1)).tolist()
    for lead, history in enumerate(histories):
        days = snapshots.days[starts[lead] : starts[lead + 1]].tolist()
        yield from (
            evaluate_day(model, profile_of(facts, model.trusted_traits), day)
            for day, facts in _facts(model, history, days)
        )


def _facts(model: CompiledModel, history: History, days: Sequence[int]) -> Iterator[tuple[int, Facts]]:
    """The lead's facts at the end of each of these days, which ascend."""
    waiting = sorted(history.events, key=lambda event: event.occurred_at, reverse=True)
    facts = Facts()
    for day in days:
        new = []
        while waiting and day_of(waiting[-1].occurred_at) <= day:
            new.append(model.facts_of(waiting.pop()))
        facts = merge([facts, *new])
        yield day, facts
