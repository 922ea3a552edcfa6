"""Step 1, the rows: open leads at the ends of UTC days whose horizon is over, and whether the outcome followed.

A snapshot at day T sees the events up to the end of T. The outcome counts from T + 1 to T + horizon, so nothing that
was sent together with it is seen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from app.insight.arrays import Flags, Ints
from app.insight.histories import History
from app.scoring.facts import day_of

MAX_ROWS = 60_000
"""A regular schedule is thinned to fewer days if it would give more snapshots than this."""
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Every:
    """Each open lead every so many days, counted back from the latest day whose horizon is over."""

    days: int


@dataclass(frozen=True, slots=True)
class After:
    """Each lead once, so many days after its `start_on`."""

    days: int


@dataclass(frozen=True, slots=True)
class At:
    """Each open lead on one day."""

    day: date


Schedule = Every | After | At

DAYS = {"day": 1, "week": 7, "month": 30}


def schedule_of(every: str, at: date | None, after_days: int | None) -> Schedule:
    """What was asked for: all leads `at` a day, or each `after_days`, or else open ones `every` day, week or month."""
    if at is not None:
        return At(at)
    return Every(DAYS[every]) if after_days is None else After(after_days)


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Parallel arrays, sorted by lead and day. `leads` are indices into the histories, `days` ordinals."""

    leads: Ints
    days: Ints
    had_outcome: Flags

    def __len__(self) -> int:
        return len(self.days)

    def __getitem__(self, rows: Ints | Flags) -> "Snapshots":
        return Snapshots(self.leads[rows], self.days[rows], self.had_outcome[rows])

    def leads_with_outcome(self) -> int:
        return len(np.unique(self.leads[self.had_outcome]))

    def leads_without_outcome(self) -> int:
        return len(np.unique(self.leads)) - self.leads_with_outcome()

    def weeks(self) -> float:
        """The weeks from the first to the last snapshot, both included."""
        return float(self.days.max() - self.days.min() + 1) / 7


@dataclass(frozen=True, slots=True)
class LeadDays:
    """What decides when a lead can be in a snapshot, in arrays parallel to the histories. `NEVER` if there is none."""

    first_seen: Ints
    start: Ints
    outcome: Ints
    closed: Ints


def ordinal(day: date | None) -> int:
    return NEVER if day is None else day.toordinal()


def lead_days(histories: Sequence[History]) -> LeadDays:
    first_seen = [min((day_of(event.occurred_at) for event in each.events), default=NEVER) for each in histories]
    return LeadDays(
        first_seen=np.array(first_seen, dtype=np.int64),
        start=np.array([ordinal(each.start_on) for each in histories], dtype=np.int64),
        outcome=np.array([ordinal(each.outcome_on) for each in histories], dtype=np.int64),
        closed=np.full(len(histories), NEVER),
    )


def last_day(now: datetime, within_days: int) -> int:
    """The latest day whose horizon has ended by now."""
    return day_of(now) - 1 - within_days


def take_snapshots(leads: LeadDays, schedule: Schedule, within_days: int, now: datetime) -> Snapshots:
    latest = last_day(now, within_days)
    if isinstance(schedule, After):
        started = np.flatnonzero(leads.start != NEVER)
        return _open(leads, started, leads.start[started] + schedule.days, within_days, latest)
    if isinstance(schedule, At):
        everybody = np.arange(len(leads.start))
        return _open(leads, everybody, np.full(len(everybody), schedule.day.toordinal()), within_days, latest)
    return _thinned(leads, schedule.days, within_days, latest)


def _thinned(leads: LeadDays, step: int, within_days: int, latest: int) -> Snapshots:
    total = sum(len(days) for days in _open_days(leads, step, latest))
    step *= max(1, -(-total // MAX_ROWS))
    by_lead = list(_open_days(leads, step, latest))
    owners = np.repeat(np.arange(len(by_lead)), [len(days) for days in by_lead])
    days = np.array([day for each in by_lead for day in each], dtype=np.int64)
    return _open(leads, owners, days, within_days, latest)


def _open_days(leads: LeadDays, step: int, latest: int) -> Iterator[range]:
    """For each lead, the days of the schedule on which it was known and open."""
    ends = np.minimum(np.minimum(leads.outcome, leads.closed) - 1, latest)
    for first, end in zip(leads.first_seen.tolist(), ends.tolist(), strict=True):
        yield range(first + (latest - first) % step, end + 1, step)


def _open(leads: LeadDays, owners: Ints, days: Ints, within_days: int, latest: int) -> Snapshots:
    is_open = (days < leads.outcome[owners]) & (days < leads.closed[owners])
    kept = is_open & (days >= leads.first_seen[owners]) & (days <= latest)
    owners, days = owners[kept], days[kept]
    return Snapshots(owners, days, leads.outcome[owners] - days <= within_days)
