"""Sweeping: update the stored stages of leads that change with time alone, without new events.

Several replicas may sweep at once: each locks its leads and skips those that another has locked.
"""

from datetime import datetime

from app.scoring.engine import CompiledModel
from app.services.evaluation import (
    EvaluatedLead,
    StageMoves,
    reevaluate,
    scheduled,
    stage_moves,
    yielding_to_event_loop,
)
from app.services.models import ActiveModels
from app.services.saving import save
from app.storage import leads as lead_store
from app.storage.db import Database


async def sweep_due(database: Database, models: ActiveModels, now: datetime, limit: int) -> tuple[int, StageMoves]:
    """Re-evaluate up to `limit` leads whose next check is due. Returns how many there were, and their stage changes."""
    async with database.write() as connection:
        due = await lead_store.lock_due(connection, now.date(), limit)
        model = await models.active(connection)  # after locking: no locked lead can have a newer version
        visited = await reevaluate(connection, models, model, due, now, "time")
        results = [_rescheduled(model, result, now) async for result in yielding_to_event_loop(visited)]
        await save(connection, results, now)
    return len(due), stage_moves(results)


def _rescheduled(model: CompiledModel, result: EvaluatedLead, now: datetime) -> EvaluatedLead:
    return result._replace(lead=scheduled(model, result.lead, now))
