"""Turning a lead's events into facts, in any order and in any chunks."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from app.scoring.days import one_hit_on
from app.scoring.engine import CompiledModel
from app.scoring.events import Event, Identity
from app.scoring.facts import Facts, Tally, add_tallies, day_of, merge


def fold(model: CompiledModel, events: Iterable[Event]) -> Facts:
    """The facts from all these events."""
    return merge(map(model.facts_of, events))


def count(model: CompiledModel, events: Iterable[Event], fingerprints: Collection[str]) -> Tally:
    """The hits of only these signals."""
    return add_tallies(
        dict.fromkeys(model.hits_of(event, fingerprints), one_hit_on(day_of(event.occurred_at))) for event in events
    )


class Gap(NamedTuple):
    """A time in which an event did not count, because it was retracted. `until` is None if it still is."""

    since: datetime
    until: datetime | None


class FactsOverTime:
    """A lead's facts as known at each of `moments`, which must ascend.

    `since`: when each identity became known as the lead's. `gaps`: those of retracted events, by their ids. Events are
    not kept, but merged into the facts that were new at the first moment that includes them, so memory grows with
    moments, not with events.
    """

    def __init__(
        self,
        model: CompiledModel,
        since: Mapping[Identity, datetime],
        moments: Sequence[datetime],
        gaps: Mapping[UUID, Sequence[Gap]] = MappingProxyType({}),
    ) -> None:
        self.since = since
        self.moments = moments
        self._gaps = gaps
        self._model = model
        self._new: dict[datetime, Facts] = {}

    def add(self, events: Iterable[Event]) -> None:
        """Add some events, in any order. Ignores other leads' events and those known only later."""
        new_events: dict[datetime, list[Event]] = {}
        for event in events:
            known_since = self._known_since(event)
            if known_since is not None and known_since <= self.moments[-1]:
                first = self.moments[bisect_left(self.moments, known_since)]
                new_events.setdefault(first, []).append(event)
        for first, new in new_events.items():
            self._new[first] = merge([self._new.get(first, Facts()), fold(self._model, new)])

    def add_summary(self, identity: Identity, facts: Facts, valid_from: datetime) -> None:
        """Add the facts of events that are not kept any more, known from this moment on."""
        linked_at = self.since.get(identity)
        if linked_at is None or max(linked_at, valid_from) > self.moments[-1]:
            return
        first = self.moments[bisect_left(self.moments, max(linked_at, valid_from))]
        tally = {key: days for key, days in facts.tally.items() if key in self._model.fingerprints}
        self._new[first] = merge([self._new.get(first, Facts()), replace(facts, tally=tally)])

    def by_moment(self) -> dict[datetime, Facts]:
        """The facts at each moment, once all events have been added."""
        facts = Facts()
        found: dict[datetime, Facts] = {}
        for moment in self.moments:
            if moment in self._new:
                facts = merge([facts, self._new[moment]])
            found[moment] = facts
        return found

    def _known_since(self, event: Event) -> datetime | None:
        linked_at, counted_since = self.since.get(event.identities[0]), self._counted_since(event)
        return None if linked_at is None or counted_since is None else max(counted_since, linked_at)

    def _counted_since(self, event: Event) -> datetime | None:
        """The start of the first time in which the event counted that had not ended by the first moment."""
        since: datetime | None = event.received_at
        for gap in sorted(self._gaps.get(event.id, ())):
            if since is not None and gap.since <= self.moments[0]:
                since = gap.until
        return since
