"""Fixtures of the workers' tests: a process that does none of its background work by itself."""

from collections.abc import AsyncIterator

import pytest

from app.services.publishing import activate
from app.services.runtime import Runtime
from app.settings import Settings
from tests.services.harness import Clock, event, small_model
from tests.workers.harness import PEOPLE


@pytest.fixture
async def runtime(database_url: str) -> AsyncIterator[Runtime]:
    """A process without its workers, in which five people have just asked for a demo; a chunk is two leads."""
    runtime = Runtime(Settings(database_url=database_url, sweep_chunk=2, pool_size=2), Clock())
    await activate(runtime.database, small_model(), runtime.clock)
    await runtime.start()
    await runtime.writer.submit([event(person) for person in PEOPLE])
    yield runtime
    await runtime.stop()
