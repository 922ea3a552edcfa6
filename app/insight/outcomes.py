"""Outcomes: the first day of one, and whether there are enough to learn from."""

from collections.abc import Iterable
from datetime import date, datetime

from app.errors import HorizonNotOver, TooFewOutcomes
from app.insight.snapshots import NEVER, After, At, LeadDays, Schedule, Snapshots, last_day
from app.scoring.events import Event, event_name_key
from app.scoring.signals import CompiledSignal


def first_outcome(events: Iterable[Event], signal: CompiledSignal) -> date | None:
    """The UTC day of the first event that the signal counts."""
    hits = (event for event in events if event_name_key(event.name) in signal.event_keys and signal.counts(event))
    return min((event.occurred_at.date() for event in hits), default=None)


def require_outcomes(snapshots: Snapshots, outcome: str, needed: int) -> None:
    """Raises `TooFewOutcomes` unless so many leads had the outcome after a snapshot, and so many did not."""
    counts = {"had": snapshots.leads_with_outcome(), "did not have": snapshots.leads_without_outcome()}
    for verb, found in counts.items():
        if found < needed:
            raise TooFewOutcomes(
                f"{found} leads {verb} the outcome {outcome} after a snapshot; at least {needed} are needed. "
                "Collect more history, choose a more frequent outcome, or allow it more days.",
                found=found,
                needed=needed,
            )


def require_past_horizon(leads: LeadDays, schedule: Schedule, within_days: int, now: datetime) -> None:
    """Raises `HorizonNotOver` if there is no snapshot yet whose horizon has ended."""
    first = _first_snapshot(leads, schedule)
    if first != NEVER and first > last_day(now, within_days):
        over = date.fromordinal(first + within_days + 1)
        raise HorizonNotOver(
            f"The {within_days} days after {date.fromordinal(first)} are not over until {over}. Choose an earlier day "
            "or a shorter horizon."
        )


def _first_snapshot(leads: LeadDays, schedule: Schedule) -> int:
    if isinstance(schedule, At):
        return schedule.day.toordinal()
    if isinstance(schedule, After):
        started = leads.start[leads.start != NEVER]
        return int(started.min()) + schedule.days if len(started) else NEVER
    return int(leads.first_seen.min(initial=NEVER))
