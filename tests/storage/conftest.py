"""A database for each test, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from app.storage.db import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()
