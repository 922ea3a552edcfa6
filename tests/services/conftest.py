"""Fixtures for the services' tests: a running replica on each kind of database."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.services.harness import Service, World, serving, small_model


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[Service]:
    """A running replica with the small model."""
    async with serving(database_url, small_model()) as replica:
        yield replica


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """The same for Hypothesis tests: each example begins with `world.reset()`."""
    with World(database_url) as world:
        yield world
