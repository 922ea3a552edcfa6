"""Who is who in a log: a second, simple implementation of the rules by which messages link identities.

The log may also have what an operator did, at its place between the events.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.scoring.events import KNOWN_BY, Event, Identity


@dataclass(frozen=True)
class SplitOff:
    """Somebody made these identities of one person a person of their own."""

    identities: frozenset[Identity]


@dataclass(frozen=True)
class Joined:
    """Somebody joined the people that have these identities."""

    identities: frozenset[Identity]


@dataclass(frozen=True)
class Forgotten:
    """The people with these identities were erased."""

    identities: frozenset[Identity]


Entry = Event | SplitOff | Joined | Forgotten


@dataclass(eq=False)
class _Person:
    """`sides`: by the number of a split, which of the two that it made this person is, or is part of."""

    identities: set[Identity]
    sides: dict[int, int] = field(default_factory=dict)

    def has(self, *kinds: str) -> bool:
        return any(identity.kind in kinds for identity in self.identities)

    def is_apart_from(self, other: "_Person") -> bool:
        return any(self.sides[split] != other.sides[split] for split in self.sides.keys() & other.sides.keys())

    def absorb(self, other: "_Person") -> None:
        settled = {split for split in self.sides if other.sides.get(split, self.sides[split]) != self.sides[split]}
        self.identities |= other.identities
        self.sides = {split: side for split, side in (self.sides | other.sides).items() if split not in settled}


_Owners = dict[Identity, _Person]


def people_of(log: Iterable[Entry]) -> list[set[Identity]]:
    """The people in a log, as sets of linked identities.

    A message belongs to the person of its strongest identity. Its other identities join that person unless both are
    known; then only an address joins a user_id, if its owner has no user_id. A trusted alias joins anyone. Nothing but
    an operator joins people who were split.
    """
    owners: _Owners = {}
    for number, entry in enumerate(log):
        if isinstance(entry, SplitOff):
            _split(owners, entry.identities, number)
        elif isinstance(entry, Forgotten):
            _forget(owners, entry.identities)
        elif isinstance(entry, Joined):
            first, *others = sorted(entry.identities)
            for other in others:
                _join(owners, owners[first], owners[other])
        else:
            _admit(owners, entry)
    return [person.identities for person in dict.fromkeys(owners.values())]


def _split(owners: _Owners, identities: frozenset[Identity], number: int) -> None:
    person = owners[next(iter(identities))]
    separated = _Person(set(identities), person.sides | {number: 1})
    person.identities -= identities
    person.sides = person.sides | {number: 0}
    owners |= dict.fromkeys(identities, separated)


def _forget(owners: _Owners, identities: frozenset[Identity]) -> None:
    gone = {each for identity in identities & owners.keys() for each in owners[identity].identities}
    for each in gone:
        del owners[each]


def _admit(owners: _Owners, event: Event) -> None:
    strongest, *weaker = event.identities
    person = owners.get(strongest)
    if person is None:
        lone = _Person({strongest})
        candidates = (owners.get(each) for each in weaker if _may_join(lone, each, owners, event))
        person = next((each for each in candidates if each is not None), lone)
    _join(owners, person, _Person({strongest}))
    for identity in weaker:
        if _may_join(person, identity, owners, event):
            _join(owners, person, owners.get(identity, _Person({identity})))


def _join(owners: _Owners, person: _Person, other: _Person) -> None:
    if other is not person:
        person.absorb(other)
        owners |= dict.fromkeys(other.identities, person)


def _may_join(person: _Person, identity: Identity, owners: _Owners, event: Event) -> bool:
    other = owners.get(identity, _Person({identity}))
    if person.is_apart_from(other):
        return False
    if event.type == "alias" and event.trusted:
        return True
    if person.has(*KNOWN_BY) and other.has(*KNOWN_BY):
        return event.identities[0].kind == "user_id" and identity.kind == "email" and not other.has("user_id")
    return True
