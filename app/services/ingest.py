"""Ingestion: store new events and fold them into their leads, within one transaction."""

from collections import Counter
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
from app.services.evaluation import StageMoves, evaluated, stage_moves, up_to_date
from app.services.groups import fold_into_groups
from app.services.identities import Resolver
from app.services.models import ActiveModels
from app.services.saving import save
from app.storage import activity as activity_store
from app.storage import events as event_store
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import links as link_store
from app.storage import rollouts as rollout_store
from app.storage.db import Conflict
from app.storage.leads import Lead


@dataclass(frozen=True, slots=True)
class Stored:
    """What a transaction stored. `duplicates` and `refused` are the ids of events that it left out.

    `distrusted`: how many of the new events have a trait that their sender may not set. `suppressed`: how many were
    dropped because somebody erased the person and suppressed their identities.
    """

    duplicates: frozenset[UUID] = frozenset()
    refused: frozenset[UUID] = frozenset()
    stage_changes: StageMoves = ()
    distrusted: int = 0
    suppressed: int = 0

    def __add__(self, other: "Stored") -> "Stored":
        return Stored(
            self.duplicates | other.duplicates,
            self.refused | other.refused,
            self.stage_changes + other.stage_changes,
            self.distrusted + other.distrusted,
            self.suppressed + other.suppressed,
        )


UNCHECKED = -1


async def store(
    connection: AsyncConnection,
    models: ActiveModels,
    events: Sequence[Event],
    now: datetime,
    newest_suppression: int | None = UNCHECKED,
) -> Stored:
    """Store a batch of events inside the caller's transaction. Raises `Conflict`.

    `newest_suppression`: the newest one that the caller has taken into account. It is a conflict if there is another.
    """
    first: dict[tuple[str, str], Event] = {}
    for event in events:
        first.setdefault((event.source, event.message_id), event)
    new = await event_store.insert(connection, first.values(), now)
    if new_events := [event for event in first.values() if event.id in new]:
        stored = await _fold(connection, models, new_events, now, newest_suppression)
    else:
        stored = Stored()
        _check(newest_suppression, (await rollout_store.active(connection)).newest_suppression)
    duplicates = [event for event in events if event.id not in new]
    await activity_store.insert_duplicates(connection, Counter(event.source for event in duplicates), now)
    return stored + Stored(duplicates=frozenset(event.id for event in duplicates))


async def _fold(
    connection: AsyncConnection, models: ActiveModels, events: Sequence[Event], now: datetime, suppression: int | None
) -> Stored:
    """Fold events that were just added to the log into their leads."""
    identities = {identity for event in events for identity in event.identities}
    links, before = await lead_store.lock_owners(connection, identities)
    model, newest = await models.for_commit(connection)  # after locking: no locked lead can have a newer version
    _check(suppression, newest)
    before = await up_to_date(connection, models, model, before, new={event.id for event in events})
    linking = any(len(event.identities) > 1 for event in events)
    known = await identity_store.known(connection, list(before)) if linking else {}
    separations = {lead_id: lead.separations for lead_id, lead in before.items() if lead.separations}
    resolver = Resolver(links, known, uuid7, separations)
    for event in events:
        resolver.admit(event)
    retired = _by_survivor(resolver, before)
    results = [
        evaluated(
            model,
            lead_id,
            before.get(lead_id),
            merge(parts),
            now,
            cause=cause,
            merged=retired.get(lead_id, ()),
            message_ids=message_ids,
        )
        for lead_id, parts, cause, message_ids in _changed(resolver, model, before, events, retired)
    ]
    await save(connection, results, now)
    await fold_into_groups(connection, events)
    await link_store.retire(connection, resolver.merged)
    await identity_store.move(connection, resolver.merged, now)
    await identity_store.insert(connection, resolver.new_links, now)
    return Stored(stage_changes=stage_moves(results), distrusted=sum(map(model.distrusts, events)))


def _check(suppression: int | None, newest: int | None) -> None:
    """Raise `Conflict` if a suppression was not taken into account: one of these people may have been erased."""
    if suppression not in (newest, UNCHECKED):
        raise Conflict


def _by_survivor(resolver: Resolver, before: Mapping[UUID, Lead]) -> dict[UUID, list[Lead]]:
    """The stored leads that are merged away, by the lead that they are merged into."""
    retired: dict[UUID, list[Lead]] = {}
    for lead_id, survivor in resolver.merged.items():
        retired.setdefault(survivor, []).append(before[lead_id])
    return retired


def _changed(
    resolver: Resolver,
    model: CompiledModel,
    before: Mapping[UUID, Lead],
    events: Iterable[Event],
    retired: Mapping[UUID, Sequence[Lead]],
) -> Iterator[tuple[UUID, list[Facts], Cause, list[str]]]:
    """Yield each lead that the batch changes, with the facts to merge, the cause, and the ids of its new messages.

    The facts are those it had, those of leads merged into it, and those of its new events.
    """
    known = {lead_id: lead.facts for lead_id, lead in before.items()}
    added = {survivor: [lead.facts for lead in leads] for survivor, leads in retired.items()}
    message_ids: dict[UUID, list[str]] = {}
    for event in events:
        lead_id = resolver.lead_of(event)
        added.setdefault(lead_id, []).append(model.facts_of(event, known.get(lead_id)))
        message_ids.setdefault(lead_id, []).append(event.message_id)
    for lead_id, parts in added.items():
        old = [known[lead_id]] if lead_id in known else []
        cause: Cause = "merge" if lead_id in retired else "event"
        yield lead_id, old + parts, cause, message_ids.get(lead_id, [])
