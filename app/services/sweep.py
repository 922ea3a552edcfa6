"""Sweeping: stored stages follow time, of leads about whom there is no news.

Several replicas may sweep at once: each claims leads by their locks, and passes over those that another has.
"""

from dataclasses import replace
from datetime import datetime

from app.scoring.engine import CompiledModel
from app.services.evaluation import (
    EvaluatedLead,
    StageMoves,
    next_check,
    reevaluate,
    save,
    stage_moves,
    yielding_to_event_loop,
)
from app.services.models import ActiveModels
from app.storage import leads as lead_store
from app.storage.db import Database


async def sweep_due(database: Database, models: ActiveModels, now: datetime, limit: int) -> tuple[int, StageMoves]:
    """Visit leads whose next check has come. Tells how many there were, and their changes of stage."""
    async with database.write() as connection:
        due = await lead_store.lock_due(connection, now.date(), limit)
        model = await models.active(connection)  # only now: no lead that is locked can know of a later one
        visited = await reevaluate(connection, models, model, due, now, "time")
        results = [_rescheduled(model, result, now) async for result in yielding_to_event_loop(visited)]
        await save(connection, results)
    return len(due), stage_moves(results)


def _rescheduled(model: CompiledModel, result: EvaluatedLead, now: datetime) -> EvaluatedLead:
    return result._replace(lead=replace(result.lead, next_check_on=next_check(model, result.lead, now)))
