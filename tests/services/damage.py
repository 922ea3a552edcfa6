"""Leads whose rows are damaged, so that every evaluation of them fails."""

from uuid import UUID

from sqlalchemy import update

from app.storage.db import Database
from app.storage.tables import leads


async def damage(database: Database, *lead_ids: UUID) -> None:
    """Store a tally with a day that is not a day."""
    async with database.write() as connection:
        damaged = {"tally": {"signal": {"yesterday": 1}}}
        await connection.execute(update(leads).where(leads.c.id.in_(lead_ids)).values(damaged))
