"""Identities at work: who is who after a batch of messages. Pure: what storage knows comes in, what to change goes out.

A message is about the person of its strongest identity. A lead is *known* if it has a `user_id` or an email, and a
message joins two known leads only if it names a `user_id` together with an email that belongs to no other `user_id`,
or is an alias from a secret key. What it can't join stays with the lead that claimed it first.
"""

from collections.abc import Callable, Mapping
from uuid import UUID

from app.scoring.events import IDENTITY_KINDS, KNOWN_BY, Event, Identity, IdentityKind


class Resolver:
    """Links the identities of one message after the other.

    `links` holds the lead of each identity that storage knows; `known` the strongest kind of each known lead.
    """

    def __init__(
        self, links: Mapping[Identity, UUID], known: Mapping[UUID, IdentityKind], new_id: Callable[[], UUID]
    ) -> None:
        self._links = dict(links)
        self._stored = frozenset(links)
        self._known: dict[UUID, IdentityKind | None] = {**known}
        self._new_id = new_id
        self._new: set[UUID] = set()
        self._survivors: dict[UUID, UUID] = {}

    def admit(self, event: Event) -> None:
        """Link the identities that an event carries, save those that are another person's."""
        strongest, *weaker = event.identities
        lead = self._home(event)
        self._link(strongest, lead)
        for identity in weaker:
            if self._may_join(self._known.get(lead), identity, event):
                lead = self._joined(lead, identity)

    def lead_of(self, event: Event) -> UUID:
        """Whose event this is: the lead of its strongest identity."""
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
        """Each stored lead that is no more, with the lead that it became part of."""
        return {lead: self.survivor(lead) for lead in self._survivors if lead not in self._new}

    def _home(self, event: Event) -> UUID:
        """The lead of the strongest identity; if it is new, the first lead that may take it; else a new lead."""
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
        """Whether a weaker identity of an event may be that of the person it is about, a lead known by `home`."""
        found = self._links.get(identity)
        other = _known_by(identity) if found is None else self._known.get(self.survivor(found))
        if home is None or other is None or (event.type == "alias" and event.trusted):
            return True
        return (event.identities[0].kind, identity.kind, other) == ("user_id", "email", "email")

    def _joined(self, lead: UUID, identity: Identity) -> UUID:
        """Give an identity, and with it all of its lead, to a lead; the survivor of the two."""
        found = self._links.get(identity)
        if found is None:
            self._link(identity, lead)
            return lead
        other = self.survivor(found)
        if other == lead:
            return lead
        survivor, retired = sorted((lead, other), key=lambda each: (_rank(self._known.get(each)), each))
        self._survivors[retired] = survivor
        return survivor

    def _link(self, identity: Identity, lead: UUID) -> None:
        self._links.setdefault(identity, lead)
        self._known[lead] = min(self._known.get(lead), _known_by(identity), key=_rank)


def _known_by(identity: Identity) -> IdentityKind | None:
    """What a lead is known by that has this identity alone."""
    return identity.kind if identity.kind in KNOWN_BY else None


def _rank(kind: IdentityKind | None) -> int:
    return len(IDENTITY_KINDS) if kind is None else IDENTITY_KINDS.index(kind)
