"""All background work of a process, which `leadscore serve` and `leadscore worker` run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from app.errors import Unavailable
from app.services.runtime import Runtime
from app.workers.accounts import count_accounts
from app.workers.deliver import DeliveryWorker
from app.workers.jobs import run_job
from app.workers.prune import prune
from app.workers.retention import apply_retention
from app.workers.retract import run_retractions
from app.workers.rollout import run_rollout
from app.workers.schedule import repeat
from app.workers.sweep import sweep

PRUNE_INTERVAL_S = 3_600
ROLLOUT_INTERVAL_S = 2  # the longest wait before a published model reaches the first leads
KEY_USE_INTERVAL_S = 60
RETRACTION_INTERVAL_S = 2  # the longest wait before a retraction begins
JOB_INTERVAL_S = 2  # the longest wait before a job starts
ACCOUNT_INTERVAL_S = 1  # the longest wait before the accounts of leads that have changed are counted
DELIVERY_INTERVAL_S = 0.5  # the longest wait before a change is delivered


@asynccontextmanager
async def noting_key_uses(runtime: Runtime) -> AsyncIterator[None]:
    """Store when the keys of this process's requests were last used, every minute and at the end."""
    stopping = asyncio.Event()
    task = asyncio.create_task(repeat("key uses", KEY_USE_INTERVAL_S, runtime.keys.note_uses, stopping))
    try:
        yield
    finally:
        stopping.set()
        await task
        with suppress(Unavailable):
            await runtime.keys.note_uses()


@asynccontextmanager
async def running_workers(runtime: Runtime) -> AsyncIterator[None]:
    """The workers, running until the context ends; then each finishes what it is doing."""
    settings, stopping = runtime.settings, asyncio.Event()
    deliveries = DeliveryWorker(runtime, stopping)
    workers = [
        repeat("sweep", settings.sweep_interval_s, lambda: sweep(runtime, stopping), stopping),
        repeat("rollout", ROLLOUT_INTERVAL_S, lambda: run_rollout(runtime, stopping), stopping),
        repeat("retract", RETRACTION_INTERVAL_S, lambda: run_retractions(runtime, stopping), stopping),
        repeat("prune", PRUNE_INTERVAL_S, lambda: prune(runtime), stopping),
        repeat("retention", PRUNE_INTERVAL_S, lambda: apply_retention(runtime, stopping), stopping),
        repeat("jobs", JOB_INTERVAL_S, lambda: run_job(runtime, stopping), stopping),
        repeat("accounts", ACCOUNT_INTERVAL_S, lambda: count_accounts(runtime, stopping), stopping),
        repeat("deliver", DELIVERY_INTERVAL_S, deliveries.start_due, stopping),
    ]
    tasks = [asyncio.create_task(worker) for worker in workers]
    try:
        yield
    finally:
        stopping.set()
        await asyncio.gather(*tasks)
        await deliveries.finish()
