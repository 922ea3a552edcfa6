"""Retention: old events and anonymous leads are deleted, chunk by chunk, so that ingestion never waits long.

What deleted events contributed to their leads is kept as a summary of each identity. So scores don't change, and a lead
that is split, merged or rebuilt later is still exact. Only what a summary lacks is lost: a signal that is defined later
counts no deleted events.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.errors import NotFound
from app.scoring.engine import CompiledModel
from app.scoring.events import Event, Identity
from app.scoring.facts import Facts, merge
from app.scoring.history import fold
from app.services.changes import changed_account
from app.services.evaluation import StageMoves, reevaluate, stage_moves
from app.services.groups import refold_groups, summarize_groups
from app.services.models import ActiveModels, retry_on_conflict
from app.services.saving import save
from app.storage import changes as change_store
from app.storage import erasure as erasure_store
from app.storage import events as event_store
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import links as link_store
from app.storage import retention as retention_store
from app.storage import rollouts as rollout_store
from app.storage import summaries as summary_store
from app.storage.changes import Change
from app.storage.db import Database
from app.storage.leads import Lead
from app.storage.summaries import Summary

CHUNK_EVENTS = 500
CHUNK_LEADS = 100

OnChunk = Callable[[int, StageMoves], bool]
"""Called with the number of what a chunk deleted and its changes of stage; returns whether to continue."""


async def delete_old_events(
    database: Database,
    models: ActiveModels,
    before: datetime,
    now: datetime,
    on_chunk: OnChunk,
    chunk: int = CHUNK_EVENTS,
) -> None:
    """Delete the events received before a moment, and keep their facts."""

    async def work(connection: AsyncConnection) -> tuple[int, StageMoves]:
        return await _delete_chunk(connection, models, before, now, chunk)

    while True:
        count, moves = await retry_on_conflict(database, work)
        if not count or not on_chunk(count, moves):
            return


async def _delete_chunk(
    connection: AsyncConnection, models: ActiveModels, before: datetime, now: datetime, limit: int
) -> tuple[int, StageMoves]:
    found = await retention_store.oldest_events(connection, before, limit)
    if not found:
        return 0, ()
    _, leads = await lead_store.lock_owners(connection, {event.identities[0] for event in found})
    model = await models.active(connection)  # after locking: no locked lead can have a newer version
    moves = await _bring_up_to_date(connection, models, model, leads, now)
    changed_at = await retention_store.last_retraction(connection, [event.id for event in found])
    retraction_of = await retention_store.delete_events(connection, [event.id for event in found])
    deleted = [event for event in found if event.id in retraction_of]  # another process may have come first
    valid_from = max([await _published_at(connection), *(event.received_at for event in deleted)])
    facts = _by_identity(model, deleted, {event_id for event_id, retraction in retraction_of.items() if retraction})
    await _summarize(connection, facts, max(valid_from, changed_at or valid_from))
    await summarize_groups(connection, (event for event in deleted if retraction_of[event.id] is None))
    return len(found), moves


async def _bring_up_to_date(
    connection: AsyncConnection, models: ActiveModels, model: CompiledModel, leads: Mapping[UUID, Lead], now: datetime
) -> StageMoves:
    """Evaluate leads that another model counted: its signals would not be in the summaries."""
    outdated = {lead_id: lead for lead_id, lead in leads.items() if lead.model_version != model.version}
    results = await reevaluate(connection, models, model, outdated, now, "model")
    await save(connection, results, now)
    return stage_moves(results)


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


async def _summarize(connection: AsyncConnection, facts: Mapping[Identity, Facts], valid_from: datetime) -> None:
    """Add facts to the summaries of their identities."""
    old = {summary.identity: summary for summary in await summary_store.of_identities(connection, facts)}
    changed = []
    for identity, added in facts.items():
        before = old.get(identity) or Summary(identity, Facts(), valid_from)
        changed.append(Summary(identity, merge([before.facts, added]), max(before.valid_from, valid_from)))
    await summary_store.save(connection, changed)


# --- Anonymous leads --------------------------------------------------------------------------------------------


async def delete_anonymous_leads(
    database: Database, before: date, now: datetime, on_chunk: Callable[[int], bool], chunk: int = CHUNK_LEADS
) -> None:
    """Delete the leads that have only anonymous ids and were last seen before a day. The feed says `lead.erased`."""
    after: tuple[date, UUID] | None = None

    async def work(connection: AsyncConnection) -> tuple[int, tuple[date, UUID] | None]:
        found = await retention_store.lock_anonymous(connection, before, after, chunk)
        return await _forget(connection, [lead_id for _, lead_id in found], now), found[-1] if found else None

    while True:
        count, after = await retry_on_conflict(database, work)
        if after is None or not on_chunk(count):
            return


async def _forget(connection: AsyncConnection, lead_ids: Sequence[UUID], now: datetime) -> int:
    """Delete locked leads, except those that have got another identity meanwhile."""
    owned = await identity_store.by_lead(connection, lead_ids)
    anonymous = {lead_id for lead_id, theirs in owned.items() if all(each.kind == "anonymous_id" for each in theirs)}
    ids = await link_store.with_merged(connection, anonymous)
    keys = [str(each) for lead_id in anonymous for each in owned[lead_id]]
    leads = await lead_store.get_many(connection, anonymous)
    groups = await event_store.groups_named_under(connection, keys)
    await erasure_store.delete_rows(connection, ids, keys)
    await refold_groups(connection, groups)
    left = [change for lead in leads.values() for change in changed_account(lead.id, lead.account, None, now)]
    erased = [Change(uuid7(), "lead.erased", now, each, {}) for each in ids]
    await change_store.insert(connection, [*left, *erased], now)
    return len(anonymous)
