"""Scoring models in storage: every version of the document. `rollouts` records which one is active."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.queries import UnreadableRow, fetch_each_as, fetch_first, latest_first
from app.storage.tables import models


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A document with its version number. It never changes. `text` is how it was written, None if not as YAML."""

    version: int
    document: dict[str, Any]
    text: str | None
    note: str | None
    created_at: datetime
    created_by: str | None


async def get(connection: AsyncConnection, version: int) -> ModelVersion | None:
    return await fetch_first(connection, select(models).where(models.c.version == version), ModelVersion)


async def page(connection: AsyncConnection, before: int | None, limit: int) -> list[ModelVersion | UnreadableRow]:
    """Versions, the latest first."""
    query = latest_first(select(models), models.c.version, before, limit)
    return await fetch_each_as(connection, models, query, ModelVersion)


async def insert(
    connection: AsyncConnection,
    document: dict[str, Any],
    now: datetime,
    *,
    text: str | None,
    note: str | None,
    author: str | None,
) -> int:
    """Store a document as the next version and return its number. Raises `Conflict` if another came first."""
    latest = (await connection.execute(select(func.max(models.c.version)))).scalar() or 0
    version = ModelVersion(latest + 1, document, text, note, created_at=now, created_by=author)
    await connection.execute(models.insert(), [asdict(version)])
    return version.version
