"""Hits per lead and day, counted at many snapshots at once."""

from dataclasses import dataclass

import numpy as np

from app.insight.arrays import Counts, Ints
from app.insight.snapshots import Snapshots

DAY_BITS = 22
MAX_COUNT = 255


@dataclass(frozen=True, slots=True)
class Tallies:
    """The hits of one signal: sorted keys of lead and day, and running totals that begin with 0.

    `totals` counts all hits, `days` each day with a hit once (as `per_day: 1` does).
    """

    keys: Ints
    totals: Ints
    days: Ints

    @classmethod
    def of(cls, leads: Ints, days: Ints) -> "Tallies":
        keys, hits = np.unique(_key(leads, days), return_counts=True)
        return cls(keys, np.concatenate([[0], np.cumsum(hits)]), np.arange(len(keys) + 1))

    def at(self, snapshots: Snapshots, within_days: int | None, per_day: int | None) -> Counts:
        """The hits in the last `within_days` days of each snapshot; `per_day` is 1 or None."""
        running = self.totals if per_day is None else self.days
        oldest = np.zeros(len(snapshots), dtype=np.int64)
        if within_days is not None:
            oldest = snapshots.days - within_days + 1
        until = np.searchsorted(self.keys, _key(snapshots.leads, snapshots.days), side="right")
        since = np.searchsorted(self.keys, _key(snapshots.leads, oldest), side="left")
        return np.asarray(np.minimum(running[until] - running[since], MAX_COUNT), dtype=np.uint8)


def _key(leads: Ints, days: Ints) -> Ints:
    return np.asarray((leads << DAY_BITS) | days)


def days_since_last(keys: Ints, snapshots: Snapshots) -> Ints:
    """The age in days of the last event at each snapshot. `keys` are sorted; every snapshot has an earlier event."""
    last = keys[np.searchsorted(keys, _key(snapshots.leads, snapshots.days), side="right") - 1]
    return np.asarray(snapshots.days - (last & ((1 << DAY_BITS) - 1)))


def event_days(leads: Ints, days: Ints) -> Ints:
    return np.unique(_key(leads, days))
