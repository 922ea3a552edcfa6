"""Rollouts: re-evaluate every lead by a newly published model, chunk by chunk, while ingestion continues.

Each chunk is a transaction that also renews the claim of the working process. If that process crashes, another takes
over when the claim expires; each lead's model version shows what is left to do.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Literal, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import NotFound
from app.metrics import Metrics
from app.services.evaluation import StageMoves, reevaluate, stage_moves
from app.services.failures import ChunkFailed, Chunks, SetAside, naming_leads
from app.services.models import ActiveModels
from app.services.saving import save
from app.storage import leads as lead_store
from app.storage import rollouts as rollout_store
from app.storage.db import Conflict, Database
from app.storage.leads import Lead
from app.storage.rollouts import Rollout

CLAIM = timedelta(seconds=10)
"""How long a claim lasts: if its owner dies, another process takes over after this time."""

CHUNK_EVENTS = 50_000
"""The most events that the leads of a chunk may have in total, since a changed signal is recounted from them."""

MAX_EXPECTED_DURATION = timedelta(days=365)

State = Literal["waiting", "running", "done", "superseded"]


async def roll_out(
    database: Database,
    models: ActiveModels,
    owner: UUID,
    clock: Callable[[], datetime],
    chunk: int,
    on_chunk: Callable[[int, StageMoves], bool],
    *,
    set_aside: SetAside | None = None,
) -> bool:
    """Re-evaluate all leads that were last evaluated by another model than the active one.

    `on_chunk` is called with each chunk's number of leads and changes of stage, and returns whether to continue.
    `set_aside`: the leads to skip; those that can't be evaluated are added to them.
    Returns whether the rollout is complete: False if `on_chunk` stopped it or another process holds the claim.
    """
    set_aside = set_aside or SetAside(Metrics())
    chunks, after = Chunks(chunk), None
    while (version := await _pending_version(database, set_aside)) is not None:
        try:
            step = await _take_step(database, models, owner, clock(), after, chunks.size, set_aside)
        except (Conflict, ChunkFailed) as error:
            chunks.recover(error, set_aside, version)
            continue
        if step is None:
            return False
        chunks.succeeded()
        after = step.last
        if not on_chunk(step.leads, step.stage_changes):
            await _release_claim(database, owner)
            return False
    return True


class _Step(NamedTuple):
    leads: int
    stage_changes: StageMoves
    last: UUID | None


async def _pending_version(database: Database, set_aside: SetAside) -> int | None:
    async with database.read() as connection:
        latest = await rollout_store.latest(connection)
        if latest is None:
            return None
        skipped = set_aside.of(latest.version)
        is_pending = latest.finished_at is None or await lead_store.has_outdated(connection, latest.version, skipped)
        return latest.version if is_pending else None


async def _take_step(
    database: Database,
    models: ActiveModels,
    owner: UUID,
    now: datetime,
    after: UUID | None,
    chunk: int,
    set_aside: SetAside,
) -> _Step | None:
    """Evaluate the next chunk, or mark the rollout finished. None if another process holds the claim.

    Raises `Conflict` if another version is published meanwhile, or `ChunkFailed`.
    """
    with naming_leads() as lead_ids:
        async with database.write() as connection:
            rollout = await rollout_store.latest(connection)
            if rollout is None or not await rollout_store.claim(connection, rollout.id, owner, now, now + CLAIM):
                return None
            skipped = set_aside.of(rollout.version)
            lead_ids.extend(await _lock_next(connection, rollout.version, after, chunk, skipped))
            return await _evaluate(connection, models, rollout, lead_ids, now)


async def _evaluate(
    connection: AsyncConnection, models: ActiveModels, rollout: Rollout, lead_ids: Collection[UUID], now: datetime
) -> _Step:
    leads = _limit_by_event_count(await lead_store.get_many(connection, lead_ids))
    if await rollout_store.active_version(connection) != rollout.version:
        raise Conflict  # published meanwhile: leads already on the newer version would be set back
    if not leads:
        await rollout_store.finish(connection, rollout.id, now)
    model = await models.version(connection, rollout.version)
    results = await reevaluate(connection, models, model, leads, now, "model")
    await save(connection, results, now)
    return _Step(len(leads), stage_moves(results), next(reversed(leads), None))


async def _lock_next(
    connection: AsyncConnection, version: int, after: UUID | None, limit: int, without: Collection[UUID]
) -> list[UUID]:
    lead_ids = await lead_store.lock_outdated(connection, version, after, limit, without)
    if not lead_ids and after is not None:
        # Start over: a transaction that began before the publication may have saved a lead behind this point.
        lead_ids = await lead_store.lock_outdated(connection, version, None, limit, without)
    return lead_ids


def _limit_by_event_count(leads: dict[UUID, Lead]) -> dict[UUID, Lead]:
    """The first of these leads, at least one, up to `CHUNK_EVENTS` events: other transactions wait for their locks."""
    totals = accumulate(lead.facts.event_count for lead in leads.values())
    within_limit = [lead_id for lead_id, total in zip(leads, totals, strict=True) if total <= CHUNK_EVENTS]
    return {lead_id: leads[lead_id] for lead_id in within_limit or list(leads)[:1]}


async def _release_claim(database: Database, owner: UUID) -> None:
    async with database.write() as connection:
        await rollout_store.release(connection, owner)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rollout has come. `done` is None if the rollout was superseded."""

    rollout: Rollout
    state: State
    done: int | None
    leads_per_second: float | None
    expected_end: datetime | None


async def progress_of(database: Database, rollout_id: int, now: datetime) -> Progress:
    """Raises `NotFound`."""
    async with database.read() as connection:
        rollout = await rollout_store.get(connection, rollout_id)
        if rollout is None:
            raise NotFound(f"There is no rollout {rollout_id}. /v1/rollouts lists the existing rollouts.")
        latest = await rollout_store.latest(connection)
        return await _progress(connection, rollout, latest, now)


async def list_rollouts(database: Database, now: datetime) -> list[Progress]:
    """Every rollout, the latest first."""
    async with database.read() as connection:
        rollouts = await rollout_store.list_all(connection)
        return [await _progress(connection, rollout, rollouts[-1], now) for rollout in reversed(rollouts)]


async def unfinished_rollout(connection: AsyncConnection, now: datetime) -> Progress | None:
    """The progress of the latest rollout; None if it is done."""
    latest = await rollout_store.latest(connection)
    return None if latest is None or latest.finished_at else await _progress(connection, latest, latest, now)


async def _progress(connection: AsyncConnection, rollout: Rollout, latest: Rollout | None, now: datetime) -> Progress:
    if rollout.finished_at is not None:
        return _measured(rollout, "done", rollout.leads, rollout.finished_at)
    if latest is None or latest.id != rollout.id:
        return Progress(rollout, "superseded", None, None, None)
    left = await lead_store.count_outdated(connection, rollout.version)
    is_claimed = rollout.claimed_until is not None and rollout.claimed_until > now
    return _measured(rollout, "running" if is_claimed else "waiting", max(rollout.leads - left, 0), now)


def _measured(rollout: Rollout, state: State, done: int, until: datetime) -> Progress:
    seconds = (until - rollout.started_at).total_seconds() if rollout.started_at else 0
    rate = done / seconds if seconds > 0 else None
    if state == "done":
        return Progress(rollout, state, done, rate, None)
    seconds_left = (rollout.leads - done) / rate if rate else math.inf
    end = until + timedelta(seconds=seconds_left) if seconds_left < MAX_EXPECTED_DURATION.total_seconds() else None
    return Progress(rollout, state, done, rate, end)
