"""Fixtures of the recipes' tests: the application on both kinds of database, or on SQLite alone, or as a process."""

from collections.abc import AsyncIterator, Iterator

import pytest
from structlog.testing import capture_logs

from tests.api.harness import Api, running
from tests.api.server import Server, fresh_database, serving


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


@pytest.fixture(scope="module")
def leadscore(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A process that serves all tests of a module, each of which has people of its own."""
    with fresh_database(request, "sqlite") as url, serving(url) as server:
        yield server
