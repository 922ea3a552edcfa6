"""Fixtures of the recipes' tests: the application on both kinds of database, or on SQLite alone."""

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from tests.api.harness import Api, running


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    with capture_logs():
        async with running(database_url) as api:
            yield api


@pytest.fixture
async def web(sqlite_url: str) -> AsyncIterator[Api]:
    with capture_logs():
        async with running(sqlite_url) as api:
            yield api
