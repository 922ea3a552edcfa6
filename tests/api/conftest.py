"""Fixtures of the API's tests: the application on both kinds of database, or on SQLite where storage plays no part."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from tests.api.harness import Api, running


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    """The application: the test runs on each kind of database."""
    async with running(database_url) as api:
        yield api


@pytest.fixture
async def still(database_url: str) -> AsyncIterator[Api]:
    """The application without its workers: nothing happens but what the test does, on each kind of database."""
    async with running(database_url, working=False) as api:
        yield api


@pytest.fixture
async def web(sqlite_url: str) -> AsyncIterator[Api]:
    """The application, for what HTTP alone decides."""
    async with running(sqlite_url) as api:
        yield api


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    """What is logged, line by line, with all that is bound to it."""
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        yield lines
