"""The sweeper: stored stages follow time, chunk by chunk, and a stop waits for no more than one."""

import asyncio
from datetime import timedelta

from structlog.testing import capture_logs

from app.services.publishing import activate
from app.services.runtime import Runtime
from app.workers.sweep import sweep
from tests.services.damage import damage
from tests.services.harness import Clock, small_model, who
from tests.workers.harness import causes, moves_measured


def let_pass(runtime: Runtime, days: int) -> None:
    runtime.clock = Clock(runtime.clock() + timedelta(days=days))


async def test_all_that_is_due_is_visited_in_one_round(runtime: Runtime) -> None:
    let_pass(runtime, days=200)
    await sweep(runtime, asyncio.Event())
    assert await causes(runtime) == ["event"] * 5 + ["time"] * 5


async def test_what_is_not_due_is_left_alone(runtime: Runtime) -> None:
    await sweep(runtime, asyncio.Event())
    assert await causes(runtime) == ["event"] * 5


async def test_a_new_model_is_none_of_the_sweepers_business(runtime: Runtime) -> None:
    await activate(runtime.database, small_model(stages=[{"name": "interest"}]), runtime.clock)
    await sweep(runtime, asyncio.Event())
    assert await causes(runtime) == ["event"] * 5


async def test_nothing_is_begun_after_the_stop(runtime: Runtime) -> None:
    let_pass(runtime, days=200)
    stopping = asyncio.Event()
    stopping.set()
    await sweep(runtime, stopping)
    assert await causes(runtime) == ["event"] * 5


async def test_moves_that_time_makes_are_measured(runtime: Runtime) -> None:
    let_pass(runtime, days=14)
    await sweep(runtime, asyncio.Event())
    assert moves_measured(runtime, "sql", "mql") == 5


async def test_a_damaged_lead_is_reported_and_the_others_are_visited(runtime: Runtime) -> None:
    damaged = await runtime.leads.find(who("u2")[0])
    await damage(runtime.database, damaged)
    let_pass(runtime, days=14)
    with capture_logs() as lines:
        await sweep(runtime, asyncio.Event())
        await sweep(runtime, asyncio.Event())
    assert moves_measured(runtime, "sql", "mql") == 4
    assert [line["lead"] for line in lines] == [str(damaged)]
    assert runtime.metrics.registry.get_sample_value("leadscore_failed_evaluations_total") == 1
