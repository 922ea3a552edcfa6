"""Scores by the real engine at snapshots in the past."""

from collections.abc import Iterator, Sequence

import numpy as np

from app.insight.histories import History
from app.insight.snapshots import Snapshots
from app.scoring.engine import CompiledModel, Evaluation, evaluate_day, profile_of
from app.scoring.events import Event
from app.scoring.facts import Facts, day_of, merge


def evaluations(
    model: CompiledModel, histories: Sequence[History], snapshots: Snapshots, *, as_known: bool = False
) -> Iterator[Evaluation]:
    """Each lead's evaluation at each of its snapshots, from the events up to the end of that day.

    `as_known`: without events that arrived later, or that became known to be the lead's later.
    """
    starts = np.searchsorted(snapshots.leads, np.arange(len(histories) + 1)).tolist()
    for lead, history in enumerate(histories):
        days = snapshots.days[starts[lead] : starts[lead + 1]].tolist()
        yield from (
            evaluate_day(model, profile_of(facts, model.trusted_traits), day)
            for day, facts in _facts(model, history, days, as_known=as_known)
        )


def _facts(
    model: CompiledModel, history: History, days: Sequence[int], *, as_known: bool
) -> Iterator[tuple[int, Facts]]:
    """The lead's facts at the end of each of these days, which ascend."""
    seen_on = history.known_on if as_known else _occurred_on
    waiting = sorted(history.events, key=seen_on, reverse=True)
    facts = Facts()
    for day in days:
        new = []
        while waiting and seen_on(waiting[-1]) <= day:
            new.append(model.facts_of(waiting.pop()))
        facts = merge([facts, *new])
        yield day, facts


def _occurred_on(event: Event) -> int:
    return day_of(event.occurred_at)
