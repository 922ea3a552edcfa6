"""Rows for the tests of storage."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import insert

from app.storage.db import Database
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
