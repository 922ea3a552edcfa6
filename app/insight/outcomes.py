"""Outcomes: the first day of one, and whether there are enough to learn from."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from app.errors import HorizonNotOver, TooFewOutcomes
from app.insight.snapshots import Snapshots
from app.scoring.engine import compile_signal
from app.scoring.document import Signal
from app.scoring.events import Event, event_name_key


def first_outcome(events: Iterable[Event], signal: Signal) -> date | None:
    """The UTC day of the first event that the signal counts."""
    compiled = compile_signal("outcome", signal)
    hits = (event for event in events if event_name_key(event.name) in compiled.event_keys and compiled.counts(event))
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


def require_past_horizon(day: date, within_days: int, now: datetime) -> None:
    """Raises `HorizonNotOver` unless the days in which the outcome may follow a snapshot have all ended."""
    over = datetime.combine(day + timedelta(days=within_days + 1), datetime.min.time(), UTC)
    if over > now:
        raise HorizonNotOver(
            f"The {within_days} days after {day} are not over before {over:%Y-%m-%d}. Choose an earlier day or a "
            "shorter horizon."
        )


