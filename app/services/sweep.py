"""Sweeping: update the stored stages of leads that change with time alone, without new events.

Several replicas may sweep at once: each locks its leads and skips those that another has locked.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.engine import CompiledModel
from app.services.evaluation import (
    EvaluatedLead,
    StageMoves,
    reevaluate,
    scheduled,
    stage_moves,
    yielding_to_event_loop,
)
from app.services.failures import naming_leads
from app.services.models import ActiveModels
from app.services.saving import save
from app.storage import leads as lead_store
from app.storage.db import Database


async def sweep_due(database: Database, models: ActiveModels, now: datetime, limit: int) -> tuple[int, StageMoves]:
    """Re-evaluate up to `limit` leads whose next check is due. Returns how many there were, and their stage changes.

    Raises `ChunkFailed`.
    """
    with naming_leads() as lead_ids:
        async with database.write() as connection:
            lead_ids.extend(await lead_store.lock_due(connection, now.date(), limit))
            results = await _check(connection, models, lead_ids, now)
    return len(lead_ids), stage_moves(results)


async def _check(
    connection: AsyncConnection, models: ActiveModels, lead_ids: Collection[UUID], now: datetime
) -> list[EvaluatedLead]:
    due = await lead_store.get_many(connection, lead_ids)
    model = await models.active(connection)  # after locking: no locked lead can have a newer version
    visited = await reevaluate(connection, models, model, due, now, "time")
    results = [_rescheduled(model, result, now) async for result in yielding_to_event_loop(visited)]
    await save(connection, results, now)
    return results


async def postpone(database: Database, lead_id: UUID, now: datetime) -> None:
    """Try a lead that can't be evaluated again tomorrow."""
    async with database.write() as connection:
        await lead_store.postpone_check(connection, lead_id, now.date() + timedelta(days=1))


def _rescheduled(model: CompiledModel, result: EvaluatedLead, now: datetime) -> EvaluatedLead:
    return result._replace(lead=scheduled(model, result.lead, now))
