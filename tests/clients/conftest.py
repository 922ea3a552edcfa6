"""Fixtures of the clients' tests: the application for recorded requests, and a live server for real packages."""

from collections.abc import AsyncIterator, Iterator

import pytest
from structlog.testing import capture_logs

from tests.api.harness import Api, running
from tests.api.server import Server, fresh_database, serving


@pytest.fixture
async def web(sqlite_url: str) -> AsyncIterator[Api]:
    with capture_logs():
        async with running(sqlite_url) as api:
            yield api


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A process that serves all tests of a module, each of which has people of its own: one on each database."""
    with fresh_database(request, request.param) as url, serving(url) as server:
        yield server
