"""The rollout worker: a published model reaches everybody, chunk by chunk, and a stop waits for no more than one."""

import asyncio

import pytest

from app.services.publishing import activate
from app.services.rollouts import progress_of
from app.services.runtime import Runtime
from app.workers.rollout import run_rollout
from tests.services.harness import small_model
from tests.workers.harness import causes, moves_measured


@pytest.fixture
async def published(runtime: Runtime) -> Runtime:
    """The process, in which a model that moves everybody has just been published."""
    await activate(runtime.database, small_model(stages=[{"name": "interest"}]), runtime.clock)
    return runtime


async def state(runtime: Runtime) -> str:
    return (await progress_of(runtime.database, 2, runtime.clock())).state


async def test_a_new_model_reaches_everybody_in_one_round(published: Runtime) -> None:
    await run_rollout(published, asyncio.Event())
    assert await causes(published) == ["event"] * 5 + ["model"] * 5
    assert await state(published) == "done"


async def test_a_round_without_a_new_model_changes_nothing(runtime: Runtime) -> None:
    await run_rollout(runtime, asyncio.Event())
    assert await causes(runtime) == ["event"] * 5


async def test_a_stop_waits_for_the_chunk_under_way_and_the_next_process_goes_on_at_once(published: Runtime) -> None:
    stopping = asyncio.Event()
    stopping.set()
    await run_rollout(published, stopping)
    assert await causes(published) == ["event"] * 5 + ["model"] * 2
    assert await state(published) == "waiting"
    other = Runtime(published.settings, published.clock)
    await run_rollout(other, asyncio.Event())
    await other.database.close()
    assert await causes(published) == ["event"] * 5 + ["model"] * 5


async def test_moves_that_a_model_makes_are_measured(published: Runtime) -> None:
    await run_rollout(published, asyncio.Event())
    assert moves_measured(published, "sql", "interest") == 5
