"""Fixtures for the services' tests: a running replica on each kind of database."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.services.harness import Service, World, serving, small_model
from tests.services.senders import Sender, sending
from tests.webhooks.receivers import always


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


@pytest.fixture
async def sender(service: Service) -> AsyncIterator[Sender]:
    async with sending(service, always("204 No Content")) as sender:
        yield sender


@pytest.fixture
async def failing(service: Service) -> AsyncIterator[Sender]:
    async with sending(service, always("500 Oh", b"no\0no")) as sender:
        yield sender
