"""Identity resolution: which lead each message of a batch belongs to, and which leads it merges. Pure.

A message belongs to the lead of its strongest identity. A lead is *known* if it has a `user_id` or an email. A message
joins two known leads only if it names a `user_id` together with an email that belongs to no other `user_id`, or if it
is an alias sent with a secret key. An identity that it can't join stays with the lead that claimed it first. No message
joins leads that somebody has split.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from uuid import UUID

from app.scoring.events import IDENTITY_KINDS, KNOWN_BY, Event, Identity, IdentityKind
from app.scoring.separations import Separations, are_apart, joined

NOT_SPLIT: Mapping[UUID, Separations] = MappingProxyType({})


class Resolver:
    """Links the identities of messages to leads, one message at a time.

    `links`: the lead of each stored identity. `known`: the strongest identity kind of each known lead. `separations`:
    those of each lead that has some.
    """

    def __init__(
        self,
        links: Mapping[Identity, UUID],
        known: Mapping[UUID, IdentityKind],
        new_id: Callable[[], UUID],
        separations: Mapping[UUID, Separations] = NOT_SPLIT,
    ) -> None:
        self._links = dict(links)
        self._stored = frozenset(links)
        self._known: dict[UUID, IdentityKind | None] = {**known}
        self._new_id = new_id
        self._separations = dict(separations)
        self._new: set[UUID] = set()
        self._survivors: dict[UUID, UUID] = {}

    def admit(self, event: Event) -> None:
        """Link the identities of an event, except those that belong to another person."""
        strongest, *weaker = event.identities
        lead = self._home(event)
        self._link(strongest, lead)
        for identity in weaker:
            if self._may_join(self._known.get(lead), identity, event) and not self._are_apart(lead, identity):
                lead = self._joined(lead, identity)

    def lead_of(self, event: Event) -> UUID:
        """The lead that the event belongs to: that of its strongest identity."""
        return self.survivor(self._links[event.identities[0]])

    def survivor(self, lead: UUID) -> UUID:
        while lead in self._survivors:
            lead = self._survivors[lead]
        return lead

    @property
    def new_links(self) -> dict[Identity, UUID]:
        return {identity: self.survivor(lead) for identity, lead in self._links.items() if identity not in self._stored}

    @property
    def merged(self) -> dict[UUID, UUID]:
        """The survivor of each stored lead that was merged away."""
        return {lead: self.survivor(lead) for lead in self._survivors if lead not in self._new}

    def _home(self, event: Event) -> UUID:
        """The lead of the strongest identity. If that is new: the first lead that it may join, or else a new lead."""
        strongest, *weaker = event.identities
        if strongest in self._links:
            return self.lead_of(event)
        for identity in weaker:
            if identity in self._links and self._may_join(_known_by(strongest), identity, event):
                return self.survivor(self._links[identity])
        lead = self._new_id()
        self._new.add(lead)
        return lead

    def _may_join(self, home: IdentityKind | None, identity: Identity, event: Event) -> bool:
        """Whether a weaker identity of an event may join the event's lead, whose strongest known kind is `home`."""
        owner = self._links.get(identity)
        other = _known_by(identity) if owner is None else self._known.get(self.survivor(owner))
        if home is None or other is None or (event.type == "alias" and event.trusted):
            return True
        return (event.identities[0].kind, identity.kind, other) == ("user_id", "email", "email")

    def _are_apart(self, lead: UUID, identity: Identity) -> bool:
        """Whether somebody has split the lead from the one that has the identity."""
        if not self._separations or identity not in self._links:
            return False
        other = self.survivor(self._links[identity])
        return are_apart(self._separations.get(lead, {}), self._separations.get(other, {}))

    def _joined(self, lead: UUID, identity: Identity) -> UUID:
        """Link an identity to a lead, merging the lead that has it now. Returns the surviving lead."""
        owner = self._links.get(identity)
        if owner is None:
            self._link(identity, lead)
            return lead
        other = self.survivor(owner)
        if other == lead:
            return lead
        survivor, retired = by_survival((lead, other), self._known)
        self._survivors[retired] = survivor
        if self._separations:
            self._separations[survivor] = joined(self._separations.get(each, {}) for each in (survivor, retired))
        return survivor

    def _link(self, identity: Identity, lead: UUID) -> None:
        self._links.setdefault(identity, lead)
        self._known[lead] = min(self._known.get(lead), _known_by(identity), key=_rank)


def by_survival(leads: Iterable[UUID], known: Mapping[UUID, IdentityKind | None]) -> list[UUID]:
    """The leads, first the one that survives a merge: the one with the strongest identity, of equals the oldest."""
    return sorted(leads, key=lambda each: (_rank(known.get(each)), each))


def _known_by(identity: Identity) -> IdentityKind | None:
    """The kind that makes a lead known if this identity is its only one; None if the lead is anonymous."""
    return identity.kind if identity.kind in KNOWN_BY else None


def _rank(kind: IdentityKind | None) -> int:
    return len(IDENTITY_KINDS) if kind is None else IDENTITY_KINDS.index(kind)
