"""Ingestion: what new events change, within one transaction. They are stored once, and folded into their leads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.scoring.engine import CompiledModel
from app.scoring.events import Event
from app.scoring.facts import Facts, merge
from app.scoring.stages import Cause
from app.services.evaluation import StageMoves, evaluated, save, stage_moves, up_to_date
from app.services.identities import Resolver
from app.services.models import ActiveModels
from app.storage import events as event_store
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage.leads import Lead


@dataclass(frozen=True, slots=True)
class Stored:
    """What a transaction did: the ids of events that it left out, and the changes of stage by their two ends.

    `distrusted` is how many of the new events had a trait that their sender may not set.
    """

    duplicates: frozenset[UUID] = frozenset()
    refused: frozenset[UUID] = frozenset()
    moves: StageMoves = ()
    distrusted: int = 0

    def __add__(self, other: "Stored") -> "Stored":
        return Stored(
            self.duplicates | other.duplicates,
            self.refused | other.refused,
            self.moves + other.moves,
            self.distrusted + other.distrusted,
        )


async def store(connection: AsyncConnection, models: ActiveModels, events: Sequence[Event], now: datetime) -> Stored:
    """Everything that a batch of events changes, inside the caller's transaction. Raises `Conflict`."""
    first: dict[tuple[str, str], Event] = {}
    for event in events:
        first.setdefault((event.source, event.message_id), event)
    new = await event_store.insert(connection, first.values(), now)
    fresh = [event for event in first.values() if event.id in new]
    stored = await _fold(connection, models, fresh, now) if fresh else Stored()
    return stored + Stored(duplicates=frozenset(event.id for event in events if event.id not in new))


async def _fold(connection: AsyncConnection, models: ActiveModels, events: Sequence[Event], now: datetime) -> Stored:
    """Fold events that are new in the log into their leads."""
    identities = {identity for event in events for identity in event.identities}
    links, before = await lead_store.lock_owners(connection, identities)
    model = await models.active(connection)  # only now: no lead that is locked can know of a later one
    before = await up_to_date(connection, models, model, before, new={event.id for event in events})
    linking = any(len(event.identities) > 1 for event in events)
    resolver = Resolver(links, await identity_store.known(connection, list(before)) if linking else {}, uuid7)
    for event in events:
        resolver.admit(event)
    results = [
        evaluated(model, lead_id, before.get(lead_id), merge(parts), now, cause=cause)
        for lead_id, parts, cause in _changed(resolver, model, before, events)
    ]
    await save(connection, results)
    await lead_store.retire(connection, resolver.merged)
    await identity_store.move(connection, resolver.merged, now)
    await identity_store.insert(connection, resolver.new_links, now)
    return Stored(moves=stage_moves(results), distrusted=sum(map(model.distrusts, events)))


def _changed(
    resolver: Resolver, model: CompiledModel, before: Mapping[UUID, Lead], events: Iterable[Event]
) -> Iterator[tuple[UUID, list[Facts], Cause]]:
    """Each lead that the batch changes, with all the facts that are now its own.

    They are those that it had, those of leads merged into it, and those of new events.
    """
    merged = resolver.merged
    news: dict[UUID, list[Facts]] = {}
    for retired, survivor in merged.items():
        news.setdefault(survivor, []).append(before[retired].facts)
    for event in events:
        news.setdefault(resolver.lead_of(event), []).append(model.facts_of(event))
    survivors = set(merged.values())
    for lead_id, parts in news.items():
        old = [before[lead_id].facts] if lead_id in before else []
        yield lead_id, old + parts, "merge" if lead_id in survivors else "event"
