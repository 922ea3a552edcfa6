"""Facts: all that scoring remembers of a lead. The facts of one event are facts too, and facts are merged.

`merge` is commutative and associative: hits are added, and of everything else the latest, the first, the least or
the greatest is kept, by an order without ties. So neither the order of events nor their grouping can show.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from heapq import nlargest
from typing import Any

from app.scoring.events import MAX_TRAIT_LENGTH, Event
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

    `traits` are what anybody said, `trusted_traits` what secret keys said, whatever others have said since: which of
    the two counts is for the model to say, and may change without an event being read. In both, a null is a tombstone,
    so that an older value that comes later stays gone. Where only secret keys spoke the two may be one map.
    `source` is the first touch. Times are UTC, and None where there is no event.
    """

    tally: Tally = field(default_factory=dict)
    traits: Mapping[str, Stamped] = field(default_factory=dict)
    trusted_traits: Mapping[str, Stamped] = field(default_factory=dict)
    source: Stamped | None = None
    first_seen_at: datetime | None = None
    last_seen_at: datetime | None = None
    event_count: int = 0

    def known_traits(self, trusted: Collection[str] = ()) -> dict[str, Any]:
        """The traits' values: of those named here what secret keys said, of all others what anybody said last."""
        if not trusted:
            return {key: trait.value for key, trait in self.traits.items() if trait.value is not None}
        open_to_all = {key: trait for key, trait in self.traits.items() if not is_part_of_any(key, trusted)}
        kept = {key: trait for key, trait in self.trusted_traits.items() if is_part_of_any(key, trusted)}
        return {key: trait.value for key, trait in {**open_to_all, **kept}.items() if trait.value is not None}


def is_part_of_any(key: str, traits: Collection[str]) -> bool:
    """Whether a key is that of one of these traits, or of a part of one: `company.size` is a part of `company`.

    A condition on `company.size` may read either key, so whoever may not set the one must not set the other.
    """
    return key in traits or ("." in key and any(key.startswith(f"{trait}.") for trait in traits))


MAX_TRAITS = 500


def day_of(moment: datetime | date) -> int:
    """The UTC day of a moment that is in UTC, as a proleptic ordinal."""
    return moment.toordinal()


def facts_of(event: Event, fingerprints: Iterable[str]) -> Facts:
    """The facts of a single event that gives a hit to each of these signals."""
    day = day_of(event.occurred_at)
    # Only a page call's properties describe the page; those of other events may name any url.
    source = first_touch(event.context, event.properties if event.type == "page" else {})
    traits = _latest([_traits_of(event)])
    return Facts(
        tally={fingerprint: {day: 1} for fingerprint in fingerprints},
        traits=traits,
        trusted_traits=traits if event.trusted or not traits else {},
        source=Stamped(source, event.occurred_at, event.message_id) if source else None,
        first_seen_at=event.occurred_at,
        last_seen_at=event.occurred_at,
        event_count=1,
    )


def _traits_of(event: Event) -> dict[str, Stamped]:
    return {
        key: Stamped(value, event.occurred_at, event.message_id)
        for key, value in event.traits.items()
        if len(key) + len(_canonical(value) if isinstance(value, list | dict) else str(value)) <= MAX_TRAIT_LENGTH
    }


def merge(parts: Iterable[Facts]) -> Facts:
    """All that any of the parts know. No part is changed."""
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    traits = _latest([part.traits for part in parts])
    only_trusted = all(part.trusted_traits is part.traits for part in parts)
    return Facts(
        tally=add_tallies([part.tally for part in parts]),
        traits=traits,
        trusted_traits=traits if only_trusted else _latest([part.trusted_traits for part in parts]),
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
    if len(latest) <= MAX_TRAITS:
        return latest
    kept = nlargest(MAX_TRAITS, latest, key=lambda key: (latest[key].at, latest[key].message_id, key))
    return {key: latest[key] for key in kept}
