"""Summaries: what deleted events contributed, kept for each identity, so that leads stay exact without them."""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import NotFound
from app.scoring.engine import CompiledModel
from app.scoring.events import Event, Identity
from app.scoring.facts import Facts, merge
from app.scoring.history import fold
from app.services.groups import summarize_groups
from app.storage import retention as retention_store
from app.storage import rollouts as rollout_store
from app.storage import summaries as summary_store
from app.storage.summaries import Summary


async def summarize(connection: AsyncConnection, model: CompiledModel, found: Sequence[Event]) -> None:
    """Delete events of locked leads, and add their facts, as the active model counts them, to the summaries."""
    changed_at = await retention_store.last_retraction(connection, [event.id for event in found])
    retraction_of = await retention_store.delete_events(connection, [event.id for event in found])
    deleted = [event for event in found if event.id in retraction_of]  # another process may have come first
    valid_from = max([await _published_at(connection), *(event.received_at for event in deleted)])
    facts = _by_identity(model, deleted, {event_id for event_id, retraction in retraction_of.items() if retraction})
    await _add(connection, facts, max(valid_from, changed_at or valid_from))
    await summarize_groups(connection, (event for event in deleted if retraction_of[event.id] is None))


async def _published_at(connection: AsyncConnection) -> datetime:
    """When the active model was published: answers by earlier ones may need other signals than the summaries have."""
    latest = await rollout_store.latest(connection)
    if latest is None:
        raise NotFound("There is no scoring model: run `leadscore model publish FILE`.")
    return latest.published_at


def _by_identity(model: CompiledModel, events: Sequence[Event], retracted: Container[UUID]) -> dict[Identity, Facts]:
    """The facts of events by their identities: those of retracted ones are empty."""
    by_identity: dict[Identity, list[Event]] = {}
    for event in events:
        counted = by_identity.setdefault(event.identities[0], [])
        if event.id not in retracted:
            counted.append(event)
    return {identity: fold(model, counted) for identity, counted in by_identity.items()}


async def _add(connection: AsyncConnection, facts: Mapping[Identity, Facts], valid_from: datetime) -> None:
    """Add facts to the summaries of their identities."""
    old = {summary.identity: summary for summary in await summary_store.of_identities(connection, facts)}
    changed = []
    for identity, added in facts.items():
        before = old.get(identity) or Summary(identity, Facts(), valid_from)
        changed.append(Summary(identity, merge([before.facts, added]), max(before.valid_from, valid_from)))
    await summary_store.save(connection, changed)
