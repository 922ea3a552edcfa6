"""Scoring models in storage: every version, and which one is active."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.tables import models, publications

_ACTIVE = select(publications.c.version).order_by(publications.c.id.desc()).limit(1)


async def active_version(connection: AsyncConnection) -> int | None:
    return (await connection.execute(_ACTIVE)).scalar()


async def version_at(connection: AsyncConnection, moment: datetime) -> int | None:
    """The version that was active at a moment; the first one, before there was any."""
    earliest = select(publications.c.version).order_by(publications.c.id).limit(1)
    found = (await connection.execute(_ACTIVE.where(publications.c.published_at <= moment))).scalar()
    return found if found is not None else (await connection.execute(earliest)).scalar()


async def document(connection: AsyncConnection, version: int) -> dict[str, Any] | None:
    return (await connection.execute(select(models.c.document).where(models.c.version == version))).scalar()


async def insert(connection: AsyncConnection, document: dict[str, Any], now: datetime) -> int:
    """Store a document under the next version. `Conflict` if another did so meanwhile."""
    latest = (await connection.execute(select(func.max(models.c.version)))).scalar() or 0
    row = {"version": latest + 1, "document": document, "created_at": now}
    await connection.execute(models.insert(), [row])
    return latest + 1


async def latest_publication(connection: AsyncConnection) -> int:
    """The id of the publication that made the active model so, 0 before the first one."""
    return (await connection.execute(select(func.max(publications.c.id)))).scalar() or 0


async def publish(connection: AsyncConnection, version: int, now: datetime, after: int) -> None:
    """Make a version the active one, as the next publication `after` the latest that was seen.

    `Conflict` if there has been another since, for then the decision to publish may rest on what is no longer so.
    """
    row = {"id": after + 1, "version": version, "published_at": now}
    await connection.execute(publications.insert(), [row])
