"""Leads in storage: their facts, where they stand, and the lists of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.facts import Facts, Stamped, Tally
from app.scoring.stages import Standing
from app.storage.db import Conflict, padded
from app.storage.tables import leads

STORED = [column for column in leads.c if column.name != "merged_into"]
UPDATED = [column.name for column in STORED if column.name not in {"id", "created_at"}]


@dataclass(frozen=True, slots=True)
class Lead:
    """One person. `scores` and `standing` are those of the last evaluation, by the model of `model_version`."""

    id: UUID
    facts: Facts
    standing: Standing
    scores: Mapping[str, float]
    model_version: int
    next_check_on: date | None
    created_at: datetime
    updated_at: datetime


async def insert(connection: AsyncConnection, new: Collection[Lead]) -> None:
    if new:
        await connection.execute(leads.insert(), [_to_row(lead) for lead in new])


_UPDATE = update(leads).where(leads.c.id == bindparam("lead_id")).values({name: bindparam(name) for name in UPDATED})


async def save(connection: AsyncConnection, changed: Collection[Lead]) -> None:
    """Write leads that are locked."""
    if changed:
        rows = [_to_row(lead) for lead in changed]
        await connection.execute(
            _UPDATE, [{"lead_id": row["id"]} | {name: row[name] for name in UPDATED} for row in rows]
        )


_LOCK = (
    select(*STORED)
    .where(leads.c.id.in_(bindparam("ids", expanding=True)), leads.c.merged_into.is_(None))
    .order_by(leads.c.id)
    .with_for_update()
)


async def lock(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Lead]:
    """Hold these leads until the transaction ends. Raises `Conflict` if one of them was merged away or erased."""
    if not ids:
        return {}
    found = await lock_present(connection, ids)
    if len(found) < len(set(ids)):
        raise Conflict
    return found


async def lock_present(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Lead]:
    """Hold those of these leads that are still there. Always in the order of their ids, so that none deadlock."""
    rows = await connection.execute(_LOCK, {"ids": padded(ids)})
    return {row.id: _from_row(row) for row in rows}


async def retire(connection: AsyncConnection, merged: Mapping[UUID, UUID]) -> None:
    """Let each of these ids resolve to its survivor from now on, as do the ids that were merged into it before."""
    for retired, survivor in merged.items():
        await connection.execute(update(leads).where(leads.c.merged_into == retired).values(merged_into=survivor))
        emptied = {"merged_into": survivor, "tally": {}, "traits": {}, "source": None, "scores": {}, "event_count": 0}
        await connection.execute(update(leads).where(leads.c.id == retired).values(**emptied, next_check_on=None))


async def get(connection: AsyncConnection, lead_id: UUID) -> Lead | None:
    """The lead with this id, or the one that it was merged into."""
    survivor = select(func.coalesce(leads.c.merged_into, leads.c.id)).where(leads.c.id == lead_id)
    row = (await connection.execute(select(*STORED).where(leads.c.id == survivor.scalar_subquery()))).first()
    return None if row is None else _from_row(row)


async def get_many(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Lead]:
    if not ids:
        return {}
    rows = await connection.execute(select(*STORED).where(leads.c.id.in_(padded(ids))))
    return {row.id: _from_row(row) for row in rows}


async def merged_into(connection: AsyncConnection, lead_id: UUID) -> list[UUID]:
    """The retired ids that resolve to this lead."""
    rows = await connection.execute(select(leads.c.id).where(leads.c.merged_into == lead_id))
    return [row.id for row in rows]


async def due(connection: AsyncConnection, today: date, limit: int) -> list[UUID]:
    """Leads whose next check has come, the longest due first."""
    query = select(leads.c.id).where(leads.c.next_check_on <= today).order_by(leads.c.next_check_on).limit(limit)
    return [row.id for row in await connection.execute(query)]


async def oldest_due(connection: AsyncConnection) -> date | None:
    oldest: date | None = (await connection.execute(select(func.min(leads.c.next_check_on)))).scalar()
    return oldest


def _evaluated_otherwise(model_version: int) -> ColumnElement[bool]:
    return and_(leads.c.model_version != model_version, leads.c.merged_into.is_(None))


async def evaluated_otherwise(
    connection: AsyncConnection, model_version: int, after: UUID | None, limit: int
) -> list[UUID]:
    """Leads that were last evaluated by another version of the model, in the order of their ids."""
    query = select(leads.c.id).where(_evaluated_otherwise(model_version))
    if after is not None:
        query = query.where(leads.c.id > after)
    return [row.id for row in await connection.execute(query.order_by(leads.c.id).limit(limit))]


async def count_evaluated_otherwise(connection: AsyncConnection, model_version: int) -> int:
    query = select(func.count()).select_from(leads).where(_evaluated_otherwise(model_version))
    return (await connection.execute(query)).scalar_one()


async def count_by_stage(connection: AsyncConnection) -> dict[str, int]:
    query = (
        select(leads.c.stage, func.count().label("leads")).where(leads.c.merged_into.is_(None)).group_by(leads.c.stage)
    )
    return {row.stage: row.leads for row in await connection.execute(query)}


@dataclass(frozen=True, slots=True)
class LeadFilter:
    """Which leads to list. None and empty ask for nothing in particular."""

    stages: Sequence[str] | None = None
    min_scores: Mapping[str, float] | None = None
    channel: str | None = None
    lead_ids: Sequence[UUID] | None = None
    updated_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the value that the list is sorted by, and the lead's id."""

    value: datetime | float
    lead_id: UUID


async def page(
    connection: AsyncConnection, wanted: LeadFilter, sort_score: str | None, after: Position | None, limit: int
) -> list[Lead]:
    """Leads from the greatest to the least: by a score, or by when they were last seen. Ties go by id."""
    sort_by = leads.c.last_seen_at if sort_score is None else _score(sort_score)
    query = _filtered(select(*STORED).where(leads.c.merged_into.is_(None)), wanted)
    if after is not None:
        query = query.where((sort_by < after.value) | ((sort_by == after.value) & (leads.c.id < after.lead_id)))
    rows = await connection.execute(query.order_by(sort_by.desc(), leads.c.id.desc()).limit(limit))
    return [_from_row(row) for row in rows]


def _filtered(query: Select[Any], wanted: LeadFilter) -> Select[Any]:
    if wanted.stages is not None:
        query = query.where(leads.c.stage.in_(padded(wanted.stages)))
    for name, least in (wanted.min_scores or {}).items():
        query = query.where(_score(name) >= least)
    if wanted.channel is not None:
        query = query.where(leads.c.channel == wanted.channel)
    if wanted.lead_ids is not None:
        query = query.where(leads.c.id.in_(padded(wanted.lead_ids)))
    if wanted.updated_after is not None:
        query = query.where(leads.c.updated_at > wanted.updated_after)
    return query


def _score(name: str) -> Any:
    return func.coalesce(leads.c.scores[name].as_float(), 0.0)


# --- Rows -------------------------------------------------------------------------------------------------------


def _to_row(lead: Lead) -> dict[str, Any]:
    facts, source = lead.facts, lead.facts.source
    return {
        "id": lead.id,
        "stage": lead.standing.stage,
        "stage_since": lead.standing.since,
        "scores": dict(lead.scores),
        "tally": _tally_to_json(facts.tally),
        "traits": {key: _stamped_to_json(trait) for key, trait in facts.traits.items()},
        "source": _stamped_to_json(source) if source else None,
        "channel": source.value["channel"] if source else None,
        "first_seen_at": facts.first_seen_at,
        "last_seen_at": facts.last_seen_at,
        "event_count": facts.event_count,
        "model_version": lead.model_version,
        "next_check_on": lead.next_check_on,
        "created_at": lead.created_at,
        "updated_at": lead.updated_at,
    }


def _from_row(row: Row[Any]) -> Lead:
    facts = Facts(
        tally=_tally_from_json(row.tally),
        traits={key: _stamped_from_json(value) for key, value in row.traits.items()},
        source=_stamped_from_json(row.source) if row.source else None,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        event_count=row.event_count,
    )
    standing = Standing(row.stage, row.stage_since)
    return Lead(
        row.id, facts, standing, row.scores, row.model_version, row.next_check_on, row.created_at, row.updated_at
    )


def _tally_to_json(tally: Tally) -> dict[str, dict[str, int]]:
    return {
        fingerprint: {date.fromordinal(day).isoformat(): hits for day, hits in days.items()}
        for fingerprint, days in tally.items()
    }


def _tally_from_json(stored: Mapping[str, Mapping[str, int]]) -> Tally:
    return {
        fingerprint: {date.fromisoformat(day).toordinal(): hits for day, hits in days.items()}
        for fingerprint, days in stored.items()
    }


def _stamped_to_json(stamped: Stamped) -> list[Any]:
    return [stamped.value, stamped.at.isoformat(), stamped.message_id]


def _stamped_from_json(stored: Sequence[Any]) -> Stamped:
    value, at, message_id = stored
    return Stamped(value, datetime.fromisoformat(at), message_id)
