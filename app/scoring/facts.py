"""Facts: all that scoring remembers of a lead. The facts of one event are facts too, and facts are merged.

`merge` is commutative and associative: hits are added, and of everything else the latest, the first, the least or
the greatest is kept, by an order without ties. So neither the order of events nor their grouping can show.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from heapq import nlargest
from typing import Any

from app.scoring.events import Event
from app.scoring.sources import first_touch

Days = dict[int, int]
"""UTC day, as a proleptic ordinal, to hits."""

Tally = dict[str, Days]
"""A signal's fingerprint to its days. A signal without hits is absent, as is a day."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """A value with what decides between it and another one."""

    value: Any
    at: datetime
    message_id: str

    def __lt__(self, other: "Stamped") -> bool:
        mine, theirs = (self.at, self.message_id), (other.at, other.message_id)
        return mine < theirs if mine != theirs else _canonical(self.value) < _canonical(other.value)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a lead, apart from who it is.

    `traits` keeps a null as the grave of a value, so that an older one that comes later stays dead.
    `source` is the first touch. Times are UTC, and None where there is no event.
    """

    tally: Tally = field(default_factory=dict)
    traits: Mapping[str, Stamped] = field(default_factory=dict)
    source: Stamped | None = None
    first_seen_at: datetime | None = None
    last_seen_at: datetime | None = None
    event_count: int = 0

    def known_traits(self) -> dict[str, Any]:
        return {key: trait.value for key, trait in self.traits.items() if trait.value is not None}


MOST_TRAITS = 500
LONGEST_TRAIT = 2_048  # characters of its key and, in JSON, its value


def day_of(moment: datetime | date) -> int:
    """The UTC day of a moment that is in UTC, as a proleptic ordinal."""
    return moment.toordinal()


def facts_of(event: Event, fingerprints: Iterable[str]) -> Facts:
    """The facts of a single event that gives a hit to each of these signals."""
    day = day_of(event.occurred_at)
    # Only a page call's properties describe the page; those of other events may name any url.
    source = first_touch(event.context, event.properties if event.type == "page" else {})
    return Facts(
        tally={fingerprint: {day: 1} for fingerprint in fingerprints},
        traits=_latest([_traits_of(event)]),
        source=Stamped(source, event.occurred_at, event.message_id) if source else None,
        first_seen_at=event.occurred_at,
        last_seen_at=event.occurred_at,
        event_count=1,
    )


def _traits_of(event: Event) -> dict[str, Stamped]:
    return {
        key: Stamped(value, event.occurred_at, event.message_id)
        for key, value in event.traits.items()
        if len(key) + len(_canonical(value) if isinstance(value, list | dict) else str(value)) <= LONGEST_TRAIT
    }


def merge(parts: Iterable[Facts]) -> Facts:
    """All that any of the parts know. No part is changed."""
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    return Facts(
        tally=add_tallies([part.tally for part in parts]),
        traits=_latest([part.traits for part in parts]),
        source=min([part.source for part in parts if part.source], default=None),
        first_seen_at=min([part.first_seen_at for part in parts if part.first_seen_at], default=None),
        last_seen_at=max([part.last_seen_at for part in parts if part.last_seen_at], default=None),
        event_count=sum([part.event_count for part in parts]),
    )


def add_tallies(tallies: Iterable[Tally]) -> Tally:
    total: Tally = {}
    for tally in tallies:
        for fingerprint, days in tally.items():
            counted = total.setdefault(fingerprint, {})
            for day, hits in days.items():
                counted[day] = counted.get(day, 0) + hits
    return total


def subtract_tally(tally: Tally, part: Tally) -> Tally:
    """What is left of a tally without a part of it. Adding the part again gives the tally."""
    negative = {fingerprint: {day: -hits for day, hits in days.items()} for fingerprint, days in part.items()}
    total = add_tallies((tally, negative))
    left = {fingerprint: {day: hits for day, hits in days.items() if hits} for fingerprint, days in total.items()}
    return {fingerprint: days for fingerprint, days in left.items() if days}


def _latest(maps: Iterable[Mapping[str, Stamped]]) -> dict[str, Stamped]:
    """Of each trait the latest value, and of all traits only so many: else anybody could make a lead a heavy one.

    What is left out is older than all that is kept, and so would be left out in whatever order the parts came.
    """
    latest: dict[str, Stamped] = {}
    for traits in maps:
        for key, trait in traits.items():
            other = latest.get(key)
            if other is None or other < trait:
                latest[key] = trait
    if len(latest) <= MOST_TRAITS:
        return latest
    kept = nlargest(MOST_TRAITS, latest, key=lambda key: (latest[key].at, latest[key].message_id, key))
    return {key: latest[key] for key in kept}
