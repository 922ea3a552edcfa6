"""Identities at work: who is who after a batch of messages. Pure: what storage knows comes in, what to change goes out.

An identity joins the first lead that it is seen with. Two leads become one when a message links them, save that two
who both have a `user_id` stay apart unless an alias from a secret key says that they are one: the first claim wins.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from uuid import UUID

from app.scoring.events import Event, Identity


class Resolver:
    """Links the identities of one message after the other.

    `links` holds the lead of each identity that storage knows; `known` the leads that have a `user_id`.
    """

    def __init__(self, links: Mapping[Identity, UUID], known: Collection[UUID], new_id: Callable[[], UUID]) -> None:
        self._links = dict(links)
        self._stored = frozenset(links)
        self._known = set(known)
        self._new_id = new_id
        self._new: set[UUID] = set()
        self._survivors: dict[UUID, UUID] = {}

    def admit(self, event: Event) -> None:
        """Link all the identities that an event carries."""
        forced = event.type == "alias" and event.trusted
        lead = self._home(event.identities, forced=forced)
        for identity in event.identities:
            found = self._links.get(identity)
            if found is None:
                self._links[identity] = lead
                if identity.kind == "user_id":
                    self._known.add(lead)
            else:
                lead = self._joined(lead, self.survivor(found), forced=forced)

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

    def _home(self, identities: Sequence[Identity], *, forced: bool) -> UUID:
        """The lead of the strongest identity; if it is new, the first one that may take it; else a new lead."""
        strongest = identities[0]
        for identity in identities:
            found = self._links.get(identity)
            if found is None:
                continue
            lead = self.survivor(found)
            if forced or identity == strongest or strongest.kind != "user_id" or lead not in self._known:
                return lead
        lead = self._new_id()
        self._new.add(lead)
        return lead

    def _joined(self, lead: UUID, other: UUID, *, forced: bool) -> UUID:
        """Merge two leads if that is allowed, and tell the survivor: the identified one, or of two the older."""
        apart = lead in self._known and other in self._known and not forced
        if lead == other or apart:
            return lead
        survivor, retired = sorted((lead, other), key=lambda candidate: (candidate not in self._known, candidate))
        self._survivors[retired] = survivor
        return survivor
