"""Evaluating leads and keeping what came of it. Every change of a stored stage passes through `evaluated`."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.scoring.engine import CompiledModel, read
from app.scoring.facts import Facts, Tally, add_tallies, day_of
from app.scoring.stages import HORIZON_DAYS, Cause, forecast, settle
from app.services.models import ActiveModels
from app.storage import events as event_store
from app.storage import leads as lead_store
from app.storage import transitions as transition_store
from app.storage.leads import Lead
from app.storage.transitions import StoredTransition

Item = TypeVar("Item")

REFRESH_DAYS = 7
"""How old the scores may become that lists are filtered and sorted by."""

AT_ONCE = 20  # leads evaluated before other tasks have their turn


Moves = tuple[tuple[str, str], ...]
"""Changes of stage, each by its two ends."""


class Evaluated(NamedTuple):
    """A lead as it is to be stored, and its change of stage if there was one."""

    lead: Lead
    transition: StoredTransition | None


def evaluated(
    model: CompiledModel, lead_id: UUID, before: Lead | None, facts: Facts, now: datetime, *, cause: Cause
) -> Evaluated:
    """Score a lead and settle its stage.

    When it next has to be looked at is left to the sweeper, who comes tomorrow: until then nothing can change by time
    alone, and a forecast here would only burden ingestion.
    """
    reading = read(model, facts, now)
    standing, change = settle(reading, before.standing if before else None, now, cause)
    same = before is not None and facts is before.facts and reading.values == before.scores and change is None
    lead = Lead(
        id=lead_id,
        facts=facts,
        standing=standing,
        scores=reading.values,
        model_version=model.version,
        next_check_on=now.date() + timedelta(days=1),
        created_at=before.created_at if before else now,
        updated_at=before.updated_at if before is not None and same else now,
    )
    return Evaluated(lead, StoredTransition(uuid7(), lead_id, change) if change else None)


def next_check(model: CompiledModel, lead: Lead, now: datetime) -> date:
    """The day on which time alone will change the lead's stage, or sooner if its stored scores would grow stale."""
    reading = read(model, lead.facts, now)
    change = forecast(reading, lead.standing.stage)
    day = change.on if change else now.date() + timedelta(days=HORIZON_DAYS)
    refresh = now.date() + timedelta(days=REFRESH_DAYS)
    return min(day, refresh) if read(model, lead.facts, refresh).values != reading.values else day


async def reevaluate(
    connection: AsyncConnection, models: ActiveModels, ids: Collection[UUID], now: datetime, cause: Cause
) -> list[Evaluated]:
    """Lock the leads of these ids that are still there, and evaluate them anew by the active model."""
    model = await models.active(connection)
    leads = await lead_store.lock(connection, ids)
    facts = await up_to_date(connection, models, model, leads)
    return [evaluated(model, lead_id, lead, facts[lead_id], now, cause=cause) for lead_id, lead in leads.items()]


async def in_turns(items: Iterable[Item]) -> AsyncIterator[Item]:
    """The items, with other tasks having their turn now and then: forecasts of many leads take their time."""
    for number, item in enumerate(items, start=1):
        yield item
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)


async def save(connection: AsyncConnection, results: Collection[Evaluated]) -> None:
    """Store evaluated leads, which are new or locked, and their transitions."""
    await lead_store.save(connection, [result.lead for result in results])
    await transition_store.insert(connection, [result.transition for result in results if result.transition])


def moves_of(results: Iterable[Evaluated]) -> Moves:
    changes = (result.transition.transition for result in results if result.transition)
    return tuple((change.from_stage, change.to_stage) for change in changes)


async def up_to_date(
    connection: AsyncConnection,
    models: ActiveModels,
    model: CompiledModel,
    leads: Mapping[UUID, Lead],
    new: Collection[UUID] = (),
) -> dict[UUID, Facts]:
    """The facts of leads as this model counts them, less the `new` events, whose facts are yet to be added.

    Of leads that another version counted, the signals that it did not know are recounted from the event log, and
    those that this one does not know are dropped.
    """
    facts = {lead_id: lead.facts for lead_id, lead in leads.items()}
    stale = {lead_id: lead for lead_id, lead in leads.items() if lead.model_version != model.version}
    if not stale:
        return facts
    missing: dict[UUID, frozenset[str]] = {}
    for lead_id, lead in stale.items():
        counted = (await models.version(connection, lead.model_version)).fingerprints
        missing[lead_id] = model.fingerprints - counted
    recounted = await _recount(connection, model, {key: found for key, found in missing.items() if found}, set(new))
    for lead_id, lead in stale.items():
        kept = {key: days for key, days in lead.facts.tally.items() if key in model.fingerprints}
        facts[lead_id] = replace(lead.facts, tally=kept | recounted.get(lead_id, {}))
    return facts


async def _recount(
    connection: AsyncConnection, model: CompiledModel, missing: Mapping[UUID, frozenset[str]], new: Collection[UUID]
) -> dict[UUID, Tally]:
    tallies: dict[UUID, Tally] = {}
    if not missing:
        return tallies
    async for lead_id, event in event_store.of_leads(connection, list(missing)):
        hits = model.hits_of(event) & missing[lead_id]
        if hits and event.id not in new:
            parts = (tallies.get(lead_id, {}), {fingerprint: {day_of(event.occurred_at): 1} for fingerprint in hits})
            tallies[lead_id] = add_tallies(parts)
    return tallies
