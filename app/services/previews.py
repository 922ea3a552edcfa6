"""Previews: what would change if a model were published now. Nothing is stored."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import DamagedLead
from app.scoring.engine import CompiledModel, evaluate
from app.scoring.preview import Placement, Preview
from app.scoring.stages import stage_of
from app.services.evaluation import each_up_to_date, yielding_to_event_loop
from app.services.failures import explaining_damage, readable
from app.services.models import ActiveModels
from app.storage import leads as lead_store
from app.storage.db import Database
from app.storage.leads import Lead

CHUNK = 500
MAX_SAMPLE = 10_000_000


@dataclass(frozen=True, slots=True)
class Previewed:
    """A preview, and the total number of leads, of which it may cover a sample."""

    preview: Preview
    total: int


async def preview(
    database: Database,
    models: ActiveModels,
    candidate: CompiledModel,
    now: datetime,
    sample: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Previewed:
    """Evaluate all leads, or `sample` of them chosen at random, by the active model and by the candidate, as of `now`.

    Leads that can't be read are left out, and logged. Events are read only for signals whose definition changes, and
    then only those that could match. `on_progress` is called with the number of leads done, read or not, and the number
    of leads to do.
    """
    async with database.read() as connection:
        active = await models.active(connection)
        result = await asyncio.to_thread(Preview, active, candidate)
        total = await lead_store.count(connection)
        planned, done = total if sample is None else min(sample, total), 0
        async for ids in _chunks(connection, sample):
            stored = await lead_store.get_each(connection, ids)
            before = {lead.id: lead for lead in readable(await each_up_to_date(connection, models, active, stored))}
            sound = {each.id: each for each in stored if isinstance(each, Lead) and each.id in before}
            after = {
                lead.id: lead for lead in readable(await each_up_to_date(connection, models, candidate, sound.values()))
            }
            async for lead_id, lead in yielding_to_event_loop((each, before[each]) for each in after):
                with suppress(DamagedLead), explaining_damage(lead_id):
                    result.add(lead_id, _placement(active, lead, now), _placement(candidate, after[lead_id], now))
            done += len(ids)
            if on_progress is not None:
                on_progress(done, planned)
    return Previewed(result, total)


def _placement(model: CompiledModel, lead: Lead, now: datetime) -> Placement:
    evaluation = evaluate(model, lead.facts, now)
    return Placement(stage_of(evaluation, lead.standing.stage), evaluation)


async def _chunks(connection: AsyncConnection, sample: int | None) -> AsyncIterator[list[UUID]]:
    """The ids of leads."""
    if sample is not None:
        ids = await lead_store.sample(connection, sample)
        for start in range(0, len(ids), CHUNK):
            yield ids[start : start + CHUNK]
        return
    last: UUID | None = None
    while ids := await lead_store.ids_after(connection, last, CHUNK):
        yield ids
        last = ids[-1]
