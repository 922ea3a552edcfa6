"""Retention: old events and anonymous leads are deleted, chunk by chunk, so that ingestion never waits long.

What deleted events contributed to their leads is kept as a summary of each identity. So scores don't change, and a lead
that is split, merged or rebuilt later is still exact. Only what a summary lacks is lost: a signal that is defined later
counts no deleted events.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from time import perf_counter
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.metrics import Metrics
from app.scoring.engine import CompiledModel
from app.services.erasure import delete_leads
from app.services.evaluation import StageMoves, reevaluate, stage_moves
from app.services.failures import ChunkFailed, Chunks, SetAside, naming_leads, naming_owner
from app.services.models import ActiveModels, retry_on_conflict
from app.services.saving import save
from app.services.summaries import summarize
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import retention as retention_store
from app.storage.db import Conflict, Database
from app.storage.leads import Lead

CHUNK_EVENTS = 500
CHUNK_LEADS = 100
MAX_CHUNK_LEADS = 2_000
SHORT_S, LONG_S = 0.05, 0.2
"""Of transactions that delete leads: what others may wait for."""

WORK = "retention"
"""What leads are set aside for."""

OnChunk = Callable[[int, StageMoves], bool]
"""Called with the number of events that a chunk found, some of which another process may have deleted, and the changes
of stage; returns whether to continue."""


async def delete_old_events(
    database: Database,
    models: ActiveModels,
    before: datetime,
    now: datetime,
    on_chunk: OnChunk,
    chunk: int = CHUNK_EVENTS,
    *,
    set_aside: SetAside | None = None,
) -> None:
    """Delete the events received before a moment, and keep their facts.

    `set_aside`: the leads whose events are left; those that can't be evaluated are added to them.
    """
    set_aside = set_aside or SetAside(Metrics())
    chunks = Chunks(chunk)
    while True:
        try:
            count, moves = await _take_step(database, models, before, now, chunks.size, set_aside.of(WORK))
        except (Conflict, ChunkFailed) as error:
            chunks.recover(error, set_aside, WORK)
            continue
        chunks.succeeded()
        if not count or not on_chunk(count, moves):
            return


async def _take_step(
    database: Database, models: ActiveModels, before: datetime, now: datetime, limit: int, without: Collection[UUID]
) -> tuple[int, StageMoves]:
    """Delete the next chunk. Returns how many events were found, and the changes of stage. Raises `ChunkFailed`."""
    with naming_leads() as lead_ids:
        async with database.write() as connection:
            async with naming_owner(connection):
                found = await retention_store.oldest_events(connection, before, limit, without)
            if not found:
                return 0, ()
            identities = {event.identities[0] for event in found}
            lead_ids.extend(set((await identity_store.find(connection, identities)).values()))
            _, leads = await lead_store.lock_owners(connection, identities)
            model = await models.active(connection)  # after locking: no locked lead can have a newer version
            moves = await _bring_up_to_date(connection, models, model, leads, now)
            await summarize(connection, model, found)
    return len(found), moves


async def _bring_up_to_date(
    connection: AsyncConnection, models: ActiveModels, model: CompiledModel, leads: Mapping[UUID, Lead], now: datetime
) -> StageMoves:
    """Evaluate leads that another model counted: its signals would not be in the summaries."""
    outdated = {lead_id: lead for lead_id, lead in leads.items() if lead.model_version != model.version}
    results = await reevaluate(connection, models, model, outdated, now, "model")
    await save(connection, results, now)
    return stage_moves(results)


# --- Anonymous leads --------------------------------------------------------------------------------------------


async def delete_anonymous_leads(
    database: Database, before: date, now: datetime, on_chunk: Callable[[int], bool], chunk: int = CHUNK_LEADS
) -> None:
    """Delete the leads that have only anonymous ids and were last seen before a day. The feed says `lead.erased`."""
    after: tuple[date, UUID] | None = None
    size = chunk

    async def work(connection: AsyncConnection) -> tuple[int, tuple[date, UUID] | None]:
        found = await retention_store.lock_anonymous(connection, before, after, size)
        return await _forget(connection, [lead_id for _, lead_id in found], now), found[-1] if found else None

    while True:
        started = perf_counter()
        count, after = await retry_on_conflict(database, work)
        if after is None or not on_chunk(count):
            return
        size = next_size(size, perf_counter() - started)


def next_size(size: int, seconds: float) -> int:
    """How many leads to delete at once, after a transaction of that size took so long, with the wait for its turn."""
    if seconds < SHORT_S:
        return min(2 * size, MAX_CHUNK_LEADS)
    return max(size // 2, 1) if seconds > LONG_S else size


async def _forget(connection: AsyncConnection, lead_ids: Sequence[UUID], now: datetime) -> int:
    """Delete locked leads, except those that have got another identity meanwhile."""
    owned = await identity_store.by_lead(connection, lead_ids)
    anonymous = {
        lead_id: theirs for lead_id, theirs in owned.items() if all(each.kind == "anonymous_id" for each in theirs)
    }
    await delete_leads(connection, anonymous, now)
    return len(anonymous)
