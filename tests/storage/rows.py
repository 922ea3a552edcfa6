"""What the tests of storage begin with: rows, and connections that a failover has left behind."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage import leads as lead_store
from app.storage.db import Database
from app.storage.leads import Lead
from app.storage.tables import models

NOW = datetime(2026, 3, 10, 12, 30, 15, 123_456, tzinfo=UTC)


def model_row(version: int, **fields: object) -> dict[str, object]:
    return {"version": version, "document": {}, "created_at": NOW} | fields


def key_row(**fields: object) -> dict[str, object]:
    row = {"id": UUID(int=1), "name": "x", "kind": "read", "hash": "h", "hint": "h", "created_at": NOW}
    return row | fields


async def add_model(database: Database, version: int = 1, **fields: object) -> None:
    async with database.write() as connection:
        await connection.execute(insert(models), [model_row(version, **fields)])


async def all_leads(connection: AsyncConnection) -> list[Lead]:
    """In the order of their ids, without those that were merged away."""
    return list((await lead_store.get_many(connection, await lead_store.ids_after(connection, None, 100))).values())


async def fail_over(database: Database) -> None:
    """Fill the pool with three connections on which PostgreSQL takes no writes any more."""
    async with AsyncExitStack() as stack:
        for connection in [await stack.enter_async_context(database.write()) for _ in range(3)]:
            await connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
