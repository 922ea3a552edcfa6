"""Sweeping: what has to happen to leads about whom there is no news.

Stored stages follow time, and a new model reaches the leads that nobody touches. Several replicas may sweep at once:
each claims leads by their locks, and passes over those that another has.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from app.scoring.engine import CompiledModel
from app.services.evaluation import Evaluated, Moves, in_turns, moves_of, next_check, reevaluate, save
from app.services.models import ActiveModels
from app.storage import leads as lead_store
from app.storage.db import Database


async def sweep_due(database: Database, models: ActiveModels, now: datetime, limit: int) -> tuple[int, Moves]:
    """Visit leads whose next check has come. Tells how many there were, and their changes of stage."""
    async with database.write() as connection:
        ids = await lead_store.due(connection, now.date(), limit)
        model = await models.active(connection)
        visited = await reevaluate(connection, models, ids, now, "time")
        results = [_rescheduled(model, result, now) async for result in in_turns(visited)]
        await save(connection, results)
    return len(ids), moves_of(results)


def _rescheduled(model: CompiledModel, result: Evaluated, now: datetime) -> Evaluated:
    return result._replace(lead=replace(result.lead, next_check_on=next_check(model, result.lead, now)))


async def roll_out(
    database: Database,
    models: ActiveModels,
    clock: Callable[[], datetime],
    chunk: int,
    progress: Callable[[int, Moves], None],
) -> None:
    """Evaluate by the active model every lead that was last evaluated by another. May be stopped and begun again."""
    after: UUID | None = None
    while ids := await _not_yet_reached(database, models, after, chunk):
        async with database.write() as connection:
            results = await reevaluate(connection, models, ids, clock(), "model")
            await save(connection, results)
        after = ids[-1]
        progress(len(ids), moves_of(results))


async def _not_yet_reached(database: Database, models: ActiveModels, after: UUID | None, limit: int) -> list[UUID]:
    async with database.read() as connection:
        version = (await models.active(connection)).version
        return await lead_store.evaluated_otherwise(connection, version, after, limit)


async def count_leads(database: Database, model_version: int) -> int:
    """How many leads a roll-out to this version has before it."""
    async with database.read() as connection:
        return await lead_store.count_evaluated_otherwise(connection, model_version)


__all__ = ["Moves", "count_leads", "roll_out", "sweep_due"]
