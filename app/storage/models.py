"""Scoring models in storage: every version of the document. `rollouts` records which one is active."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.tables import models


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A document with its version number. It never changes."""

    version: int
    document: dict[str, Any]
    note: str | None
    created_at: datetime


async def get(connection: AsyncConnection, version: int) -> ModelVersion | None:
    row = (await connection.execute(select(models).where(models.c.version == version))).first()
    return None if row is None else _from_row(row)


async def page(connection: AsyncConnection, before: int | None, limit: int) -> list[ModelVersion]:
    """Versions, the latest first."""
    query = select(models).order_by(models.c.version.desc()).limit(limit)
    if before is not None:
        query = query.where(models.c.version < before)
    return [_from_row(row) for row in await connection.execute(query)]


async def insert(connection: AsyncConnection, document: dict[str, Any], note: str | None, now: datetime) -> int:
    """Store a document as the next version and return its number. Raises `Conflict` if another came first."""
    latest = (await connection.execute(select(func.max(models.c.version)))).scalar() or 0
    row = {"version": latest + 1, "document": document, "note": note, "created_at": now}
    await connection.execute(models.insert(), [row])
    return latest + 1


def _from_row(row: Row[Any]) -> ModelVersion:
    return ModelVersion(row.version, row.document, row.note, row.created_at)
