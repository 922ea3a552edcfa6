"""Jobs by the worker: a proposal and a backtest in a process of their own, canceled, failed and started over."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from app.documents.previews import PreviewDocument
from app.scoring.model import load_model
from app.services.jobs import Job, JobKind
from app.services.publishing import activate
from app.services.runtime import Runtime
from app.settings import Settings
from app.workers import jobs as worker
from app.workers.jobs import run_job
from tests.insight.world import market
from tests.services.harness import Clock, small_model

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUESTION = {"outcome": "Order Completed", "within_days": 60, "after_days": 14}


@pytest.fixture
async def runtime(database_url: str) -> AsyncIterator[Runtime]:
    """A process without its workers, with the history of 300 leads of a made-up market."""
    runtime = Runtime(Settings(database_url=database_url, pool_size=2), Clock(NOW))
    await activate(runtime.database, small_model(), runtime.clock)
    await runtime.start()
    events = [replace(event, id=uuid7(), message_id=str(uuid7())) for lead in market(300) for event in lead.events]
    for start in range(0, len(events), 1_000):
        await runtime.writer.submit(events[start : start + 1_000])
    yield runtime
    await runtime.stop()


async def ended(runtime: Runtime, kind: JobKind, **request: Any) -> Any:
    """The job after one round of the worker."""
    job = await runtime.jobs.create(kind, QUESTION | request)
    await run_job(runtime, asyncio.Event())
    return await runtime.jobs.get(job.id)


async def test_a_proposal_is_a_model_that_can_be_drafted(runtime: Runtime) -> None:
    job = await ended(runtime, "proposal", max_rules=8)
    assert (job.state, job.error) == ("done", None)
    assert load_model(job.result["document"]).scores
    assert 0.5 < job.result["accuracy"]["held_out"]["low"] < 1
    assert len(job.result["rules"]) <= 8


async def test_a_backtest_reports_each_score(runtime: Runtime) -> None:
    document = {"name": "use", "signals": {"use": {"on": "Feature Used"}}, "stages": [{"name": "interest"}]}
    document["scores"] = {"engagement": {"rules": {"use": {"signal": "use", "points": 5}}}}
    job = await ended(runtime, "backtest", model=document, other="active")
    assert (job.state, job.error, list(job.result)) == ("done", None, ["engagement"])
    report = job.result["engagement"]
    assert report["auc"]["value"] > 0.5
    assert report["compared"]["one"] == report["auc"]["value"]


async def test_a_preview_of_a_document_is_a_report(runtime: Runtime) -> None:
    stages = [{"name": "interest"}, {"name": "user", "when": {"signal": "use"}}]
    document = {"name": "use", "signals": {"use": {"on": "Feature Used"}}, "stages": stages}
    job = await runtime.jobs.create("preview", {"model": document, "sample": None})
    await run_job(runtime, asyncio.Event())
    job = await runtime.jobs.get(job.id)
    assert (job.state, job.error) == ("done", None)
    seen = PreviewDocument.model_validate(job.result)
    assert (seen.before, seen.after, seen.leads, seen.evaluated) == (1, None, 300, 300)
    assert seen.notifications == sum(move.leads for move in seen.moves if move.from_stage != move.to_stage) > 0
    assert all(len(move.lead_ids) == min(move.leads, 20) for move in seen.moves)


async def test_what_can_not_be_answered_is_the_jobs_error(runtime: Runtime) -> None:
    job = await ended(runtime, "proposal", outcome="Never Heard Of")
    assert job.state == "failed"
    assert "Never Heard Of" in job.error


async def test_a_process_that_crashes_fails_its_job(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "COMMAND", ("/bin/sh", "-c", "exit 7"))
    job = await ended(runtime, "proposal")
    assert (job.state, job.error) == ("failed", "The job's process ended with status 7; see the worker's log.")


async def until_running(runtime: Runtime, job: Job) -> None:
    async with asyncio.timeout(30):
        while (await runtime.jobs.get(job.id)).state != "running":  # noqa: ASYNC110 - it is in the database
            await asyncio.sleep(0)


async def test_a_canceled_job_is_killed(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "COMMAND", ("/bin/sh", "-c", "sleep 60"))
    monkeypatch.setattr(worker, "CHECK_INTERVAL_S", 0.01)
    job = await runtime.jobs.create("proposal", QUESTION)
    running = asyncio.create_task(run_job(runtime, asyncio.Event()))
    await until_running(runtime, job)
    await runtime.jobs.cancel(job.id)
    await asyncio.wait_for(running, 10)
    assert (await runtime.jobs.get(job.id)).state == "canceled"


async def test_a_worker_that_stops_leaves_its_job_to_others(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "COMMAND", ("/bin/sh", "-c", "sleep 60"))
    monkeypatch.setattr(worker, "CHECK_INTERVAL_S", 0.01)
    job, stopping = await runtime.jobs.create("proposal", QUESTION), asyncio.Event()
    running = asyncio.create_task(run_job(runtime, stopping))
    await until_running(runtime, job)
    stopping.set()
    await asyncio.wait_for(running, 10)
    assert (await runtime.jobs.get(job.id)).state == "waiting"


async def test_nothing_to_do_is_nothing(runtime: Runtime) -> None:
    await run_job(runtime, asyncio.Event())
    assert (await runtime.jobs.page(None, None, 10)).items == []
