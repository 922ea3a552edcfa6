"""Facts: everything that scoring remembers about a lead. Each event yields facts, and a lead's are theirs, merged.

`merge` is commutative and associative: it adds up hits, and for everything else keeps the earliest or the latest, by
an order without ties. So neither the order of events nor how they are grouped affects the result.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from heapq import nlargest
from typing import Any

from app.scoring.days import Days, one_hit_on
from app.scoring.events import GROUP_ID, MAX_TRAIT_LENGTH, Event
from app.scoring.sources import first_touch

Tally = dict[str, Days]
"""From a signal's fingerprint to its days. Signals and days without hits are absent."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """A value with the time and message that decide which of two values is the later."""

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
    """What is known about a lead, apart from its identities.

    `traits` has the latest values from any key, `trusted_traits` the latest from secret keys. Both are kept because
    the model decides which one counts, and a new model must not require reading the events again. In both, a null is
    a tombstone: an older value that arrives later must not come back. If only secret keys sent traits, the two may be
    the same mapping. `source` is the first touch, `group` the id of the group that the lead joined last. Times are in
    UTC, and None if there is no event.
    """

    tally: Tally = field(default_factory=dict)
    traits: Mapping[str, Stamped] = field(default_factory=dict)
    trusted_traits: Mapping[str, Stamped] = field(default_factory=dict)
    source: Stamped | None = None
    group: Stamped | None = None
    first_seen_at: datetime | None = None
    last_seen_at: datetime | None = None
    event_count: int = 0

    def known_traits(self, trusted: Collection[str] = ()) -> dict[str, Any]:
        """The traits' latest values: from secret keys only for the traits in `trusted`, from any key for the others."""
        if not trusted:
            return {key: trait.value for key, trait in self.traits.items() if trait.value is not None}
        open_to_all = {key: trait for key, trait in self.traits.items() if not is_part_of_any(key, trusted)}
        kept = {key: trait for key, trait in self.trusted_traits.items() if is_part_of_any(key, trusted)}
        return {key: trait.value for key, trait in {**open_to_all, **kept}.items() if trait.value is not None}


def is_part_of_any(key: str, traits: Collection[str]) -> bool:
    """Whether a key names one of these traits or a part of one, as `company.size` is part of `company`.

    A condition on `company.size` can read either key, so trust in one must extend to the other.
    """
    return key in traits or ("." in key and any(key.startswith(f"{trait}.") for trait in traits))


MAX_TRAITS = 500


def day_of(moment: datetime | date) -> int:
    """The day of a moment in UTC, as a proleptic ordinal."""
    return moment.toordinal()


def facts_of(event: Event, fingerprints: Iterable[str], known: Facts | None = None) -> Facts:
    """The facts from a single event, which counts as a hit for the signals with these fingerprints.

    `known`: facts that these will be merged with. A source that could not prevail over theirs is not worked out.
    """
    traits = _latest([_stamped(event, event.traits)])
    return Facts(
        tally=dict.fromkeys(fingerprints, one_hit_on(day_of(event.occurred_at))),
        traits=traits,
        trusted_traits=traits if event.trusted or not traits else {},
        source=_source_of(event, known.source if known else None),
        group=Stamped(event.group_id, event.occurred_at, event.message_id) if event.group_id else None,
        first_seen_at=event.occurred_at,
        last_seen_at=event.occurred_at,
        event_count=1,
    )


def _source_of(event: Event, known: Stamped | None) -> Stamped | None:
    if known is not None and (known.at, known.message_id) < (event.occurred_at, event.message_id):
        return None
    # Only the properties of a page call describe the page. In other events, `url` may be any URL.
    source = first_touch(event.context, event.properties if event.type == "page" else {})
    return Stamped(source, event.occurred_at, event.message_id) if source else None


def group_facts_of(event: Event) -> Facts:
    """What a group message says of its group: only traits, to be merged like a lead's."""
    traits = _latest([_stamped(event, {key: each for key, each in event.properties.items() if key != GROUP_ID})])
    return Facts(traits=traits, trusted_traits=traits if event.trusted or not traits else {})


def _stamped(event: Event, traits: Mapping[str, Any]) -> dict[str, Stamped]:
    """An event's traits with its stamp, without those that are too long."""
    return {
        key: Stamped(value, event.occurred_at, event.message_id)
        for key, value in traits.items()
        if len(key) + len(_canonical(value) if isinstance(value, list | dict) else str(value)) <= MAX_TRAIT_LENGTH
    }


def merge(parts: Iterable[Facts]) -> Facts:
    """The facts of all parts together. No part is modified."""
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    traits = _merged([part.traits for part in parts])
    only_trusted = all(part.trusted_traits is part.traits for part in parts)
    return Facts(
        tally=add_tallies([part.tally for part in parts]),
        traits=traits,
        trusted_traits=traits if only_trusted else _merged([part.trusted_traits for part in parts]),
        source=min([part.source for part in parts if part.source], default=None),
        group=max([part.group for part in parts if part.group], default=None),
        first_seen_at=min([part.first_seen_at for part in parts if part.first_seen_at], default=None),
        last_seen_at=max([part.last_seen_at for part in parts if part.last_seen_at], default=None),
        event_count=sum([part.event_count for part in parts]),
    )


def add_tallies(tallies: Iterable[Tally]) -> Tally:
    total: Tally = {}
    in_several: dict[str, list[Days]] = {}
    for tally in tallies:
        for fingerprint, days in tally.items():
            if fingerprint in total:
                in_several.setdefault(fingerprint, [total[fingerprint]]).append(days)
            else:
                total[fingerprint] = days
    for fingerprint, parts in in_several.items():
        total[fingerprint] = Days.sum(parts)
    return total


def subtract_tally(tally: Tally, part: Tally) -> Tally:
    """The tally less a part of it; the inverse of `add_tallies`."""
    changed = {fingerprint: tally.get(fingerprint, Days()) - days for fingerprint, days in part.items()}
    return {fingerprint: days for fingerprint, days in (tally | changed).items() if days}


def subtract(facts: Facts, part: Facts) -> Facts | None:
    """The facts without a part of them. None if only the events can tell, because something of the part prevailed."""
    if _prevails(part, facts):
        return None
    tally, count = subtract_tally(facts.tally, part.tally), facts.event_count - part.event_count
    return replace(facts, tally=tally, event_count=count)


def _prevails(part: Facts, facts: Facts) -> bool:
    """Whether a first or last time, a trait, the first touch or the group may be the part's."""
    if part.first_seen_at == facts.first_seen_at or part.last_seen_at == facts.last_seen_at:
        return True
    if part.source is not None and part.source == facts.source:
        return True
    if part.group is not None and part.group == facts.group:
        return True
    pairs = ((part.traits, facts.traits), (part.trusted_traits, facts.trusted_traits))
    return any(theirs.get(key) == trait for mine, theirs in pairs for key, trait in mine.items())


def _merged(maps: Iterable[Mapping[str, Stamped]]) -> Mapping[str, Stamped]:
    """The latest value of each trait. Most events have no traits: then the lead's are kept as they are."""
    filled = [traits for traits in maps if traits]
    return filled[0] if len(filled) == 1 else _latest(filled)


def _latest(maps: Iterable[Mapping[str, Stamped]]) -> dict[str, Stamped]:
    """The latest value of each trait, and only the `MAX_TRAITS` latest traits, so that no client can bloat a lead.

    Whatever is dropped is older than everything that is kept, so the order of the parts makes no difference.
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
