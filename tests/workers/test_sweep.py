"""The sweeper: stored stages follow time and the model, chunk by chunk, and a stop waits for no more than one."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.scoring.document import ScoringModel
from app.services.models import activate
from app.services.runtime import Runtime
from app.settings import Settings
from app.workers.sweep import sweep
from tests.services.harness import Clock, event, small_model, who

PEOPLE = [f"u{number}" for number in range(5)]


@pytest.fixture
async def runtime(database_url: str) -> AsyncIterator[Runtime]:
    """A process without its workers, in which five people have just asked for a demo; two are swept at once."""
    runtime = Runtime(Settings(database_url=database_url, sweep_chunk=2, pool_size=2), Clock())
    await activate(runtime.database, small_model(), runtime.clock())
    await runtime.start()
    await runtime.writer.submit([event(person) for person in PEOPLE])
    yield runtime
    await runtime.stop()


async def causes(runtime: Runtime) -> list[str]:
    """Why people changed their stage, each time that one did."""
    found: list[str] = []
    for view in await runtime.leads.lookup([who(person)[0] for person in PEOPLE], runtime.clock()):
        assert view is not None
        moves, _ = await runtime.leads.transitions(view.lead.id, None, 10)
        found += [move.transition.cause for move in moves]
    return sorted(found)


def only_interest() -> ScoringModel:
    """A model that moves everybody."""
    return small_model().model_copy(update={"stages": small_model().stages[:1]})


async def test_all_that_is_due_is_visited_in_one_round(runtime: Runtime) -> None:
    runtime.clock = Clock(runtime.clock() + timedelta(days=200))
    await sweep(runtime, asyncio.Event())
    assert await causes(runtime) == ["event"] * 5 + ["time"] * 5


async def test_what_is_not_due_is_left_alone(runtime: Runtime) -> None:
    await sweep(runtime, asyncio.Event())
    assert await causes(runtime) == ["event"] * 5


async def test_a_new_model_reaches_everybody_in_one_round(runtime: Runtime) -> None:
    await activate(runtime.database, only_interest(), runtime.clock())
    await sweep(runtime, asyncio.Event())
    assert await causes(runtime) == ["event"] * 5 + ["model"] * 5


async def test_a_round_that_was_stopped_is_finished_by_the_next(runtime: Runtime) -> None:
    await activate(runtime.database, only_interest(), runtime.clock())
    stopping = asyncio.Event()
    stopping.set()
    await sweep(runtime, stopping)
    assert await causes(runtime) == ["event"] * 5 + ["model"] * 2
    await sweep(runtime, asyncio.Event())
    assert await causes(runtime) == ["event"] * 5 + ["model"] * 5


async def test_moves_are_measured(runtime: Runtime) -> None:
    await activate(runtime.database, only_interest(), runtime.clock())
    await sweep(runtime, asyncio.Event())
    labels = {"from_stage": "sql", "to_stage": "interest"}
    assert runtime.metrics.registry.get_sample_value("leadscore_transitions_total", labels) == 5
