"""Leads whose rows are damaged, so that every evaluation of them fails."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from app.storage.db import Database
from app.storage.tables import leads

DAMAGED = {"tally": {"signal": {"yesterday": 1}}}
"""A day that is not a day."""


async def damage(database: Database, *lead_ids: UUID, columns: Mapping[str, Any] = DAMAGED) -> None:
    async with database.write() as connection:
        await connection.execute(update(leads).where(leads.c.id.in_(lead_ids)).values(columns))


async def tally_of(database: Database, lead_id: UUID) -> Any:
    """As it is stored, for `repair`."""
    async with database.read() as connection:
        return (await connection.execute(select(leads.c.tally).where(leads.c.id == lead_id))).scalar_one()


async def repair(database: Database, lead_id: UUID, tally: Any) -> None:
    async with database.write() as connection:
        await connection.execute(update(leads).where(leads.c.id == lead_id).values(tally=tally))
