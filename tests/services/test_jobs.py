"""Jobs: one at a time, canceled at any moment, started over if their worker dies."""

from datetime import timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from app.errors import NotFound
from app.services.jobs import CLAIM, Job, Jobs
from tests.services.harness import NOW, Service


@pytest.fixture
def jobs(service: Service) -> Jobs:
    return Jobs(service.database, service.clock)


async def claimed(jobs: Jobs, owner: UUID | None = None) -> Job:
    job = await jobs.claim(owner or uuid7())
    assert job is not None
    return job


async def test_jobs_run_in_the_order_in_which_they_were_asked_for_one_at_a_time(jobs: Jobs) -> None:
    first, second = await jobs.create("proposal", {"outcome": "sql"}), await jobs.create("backtest", {})
    running = await claimed(jobs)
    assert (running.id, running.state, running.request) == (first.id, "running", {"outcome": "sql"})
    assert await jobs.claim(uuid7()) is None
    await jobs.finish(running, {"b": 1, "a": 2})
    done = await jobs.get(first.id)
    assert (done.state, list(done.result), done.finished_at, done.claimed_by) == ("done", ["b", "a"], NOW, None)
    assert (await claimed(jobs)).id == second.id


async def test_a_job_of_a_worker_that_died_is_started_over(jobs: Jobs, service: Service) -> None:
    await jobs.create("proposal", {})
    first = await claimed(jobs)
    await jobs.report(first, 4_000)
    service.clock.now = NOW + CLAIM
    second = await claimed(jobs)
    assert (second.id, second.progress) == (first.id, 0)
    assert not await jobs.renew(first)
    await jobs.finish(first, {})
    assert (await jobs.get(first.id)).state == "running"


async def test_a_renewed_claim_keeps_the_job(jobs: Jobs, service: Service) -> None:
    await jobs.create("proposal", {})
    job = await claimed(jobs)
    service.clock.now = NOW + CLAIM - timedelta(seconds=1)
    assert await jobs.renew(job)
    service.clock.now = NOW + CLAIM
    assert await jobs.claim(uuid7()) is None


async def test_a_canceled_job_ends_and_makes_room(jobs: Jobs) -> None:
    waiting, other = await jobs.create("proposal", {}), await jobs.create("proposal", {})
    assert (await jobs.cancel(waiting.id)).state == "canceled"
    running = await claimed(jobs)
    assert running.id == other.id
    await jobs.cancel(other.id)
    assert not await jobs.renew(running)
    await jobs.fail(running, "too late")
    assert (await jobs.get(other.id)).error is None
    assert (await jobs.cancel(other.id)).finished_at == NOW


async def test_a_released_job_starts_over_at_once(jobs: Jobs) -> None:
    job = await jobs.create("proposal", {})
    await jobs.release(await claimed(jobs))
    assert (await claimed(jobs)).id == job.id


async def test_a_failed_job_says_why(jobs: Jobs) -> None:
    await jobs.create("proposal", {})
    job = await claimed(jobs)
    await jobs.fail(job, "99 leads had the outcome")
    failed = await jobs.get(job.id)
    assert (failed.state, failed.error, failed.result) == ("failed", "99 leads had the outcome", None)


async def test_jobs_are_listed_the_latest_first_and_pruned(jobs: Jobs, service: Service) -> None:
    made = [await jobs.create("proposal", {}) for _ in range(3)]
    page = await jobs.page(None, None, 2)
    assert [job.id for job in page.items] == [made[2].id, made[1].id]
    assert [job.id for job in (await jobs.page(None, made[1].id, 2)).items] == [made[0].id]
    await jobs.finish(await claimed(jobs), {})
    assert await jobs.prune(NOW + timedelta(days=31), 30) == 1
    with pytest.raises(NotFound):
        await jobs.get(made[0].id)
