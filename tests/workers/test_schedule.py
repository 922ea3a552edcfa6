"""The schedule: a job comes round until the process stops, whatever goes wrong in it."""

import asyncio

import pytest
from structlog.testing import capture_logs

from app.errors import Unavailable
from app.workers.schedule import repeat
from tests.api.harness import running


async def test_a_job_comes_round_until_the_stop() -> None:
    stopping, rounds = asyncio.Event(), 0

    async def job() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            stopping.set()

    await repeat("job", 0.001, job, stopping)
    assert rounds == 3


@pytest.mark.parametrize(("fault", "level"), [(Unavailable("gone"), "debug"), (ValueError("a fault of ours"), "error")])
async def test_a_job_that_fails_is_told_and_comes_round_again(fault: Exception, level: str) -> None:
    stopping, rounds = asyncio.Event(), 0

    async def job() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 2:
            stopping.set()
        raise fault

    with capture_logs() as logs:
        await repeat("job", 0.001, job, stopping)
    assert [(line["job"], line["log_level"]) for line in logs] == [("job", level)] * 2


async def test_a_stop_does_not_wait_for_the_next_round() -> None:
    stopping = asyncio.Event()

    async def job() -> None:
        asyncio.get_running_loop().call_soon(stopping.set)

    async with asyncio.timeout(5):
        await repeat("job", 3_600, job, stopping)


async def test_a_job_under_way_at_the_stop_is_finished() -> None:
    stopping, begun, allowed = asyncio.Event(), asyncio.Event(), asyncio.Event()
    finished = False

    async def job() -> None:
        nonlocal finished
        begun.set()
        await allowed.wait()
        finished = True

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(repeat("job", 0.001, job, stopping))
        await begun.wait()
        stopping.set()
        allowed.set()
    assert finished


async def test_a_process_that_stops_as_it_starts_leaves_no_lock_behind(sqlite_url: str) -> None:
    with capture_logs():
        for steps in range(0, 60, 4):
            async with asyncio.timeout(5), running(sqlite_url):
                for _ in range(steps):
                    await asyncio.sleep(0)
