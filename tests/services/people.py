"""Who is who in a log: a second, slow and simple implementation of the rules by which messages link identities.

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


def people_of(log: Iterable[Entry]) -> list[set[Identity]]:
    """The people in a log, as sets of linked identities.

    A message belongs to the person of its strongest identity. Its other identities join that person unless both are
    known; then only an address joins a user_id, if its owner has no user_id. A trusted alias joins anyone. Nothing but
    an operator joins people who were split.
    """
    people: list[_Person] = []
    for number, entry in enumerate(log):
        if isinstance(entry, SplitOff):
            _split(people, entry.identities, number)
        elif isinstance(entry, Forgotten):
            people = [each for each in people if each.identities.isdisjoint(entry.identities)]
        elif isinstance(entry, Joined):
            first, *others = dict.fromkeys(_owner(people, each) for each in sorted(entry.identities))
            for other in others:
                _absorb(people, first, other)
        else:
            _admit(people, entry)
    return [person.identities for person in people]


def _split(people: list[_Person], identities: frozenset[Identity], number: int) -> None:
    person = _owner(people, next(iter(identities)))
    assert person is not None
    people.append(_Person(set(identities), person.sides | {number: 1}))
    person.identities -= identities
    person.sides = person.sides | {number: 0}


def _admit(people: list[_Person], event: Event) -> None:
    strongest, *weaker = event.identities
    person = _owner(people, strongest)
    if person is None:
        lone = _Person({strongest})
        candidates = (_owner(people, each) for each in weaker if _may_join(lone, each, people, event))
        person = next((each for each in candidates if each is not None), None)
    if person is None:
        person = _Person(set())
        people.append(person)
    person.identities.add(strongest)
    for identity in weaker:
        if _may_join(person, identity, people, event):
            other = _owner(people, identity)
            if other is None:
                person.identities.add(identity)
            else:
                _absorb(people, person, other)


def _absorb(people: list[_Person], person: _Person | None, other: _Person | None) -> None:
    assert person is not None
    assert other is not None
    if other is not person:
        person.absorb(other)
        people.remove(other)


def _owner(people: list[_Person], identity: Identity) -> _Person | None:
    return next((each for each in people if identity in each.identities), None)


def _may_join(person: _Person, identity: Identity, people: list[_Person], event: Event) -> bool:
    other = _owner(people, identity) or _Person({identity})
    if person.is_apart_from(other):
        return False
    if event.type == "alias" and event.trusted:
        return True
    if person.has(*KNOWN_BY) and other.has(*KNOWN_BY):
        return event.identities[0].kind == "user_id" and identity.kind == "email" and not other.has("user_id")
    return True
