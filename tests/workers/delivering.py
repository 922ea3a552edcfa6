"""A process that only delivers, with a clock that runs fast: `python -m tests.workers.delivering URL SPEED`."""

import asyncio
import sys
from datetime import datetime

from app.clock import utc_now
from app.services.runtime import Runtime
from app.settings import Settings
from app.workers.deliver import DeliveryWorker
from app.workers.schedule import repeat

EPOCH = datetime.fromisoformat("2026-03-10T12:00:00Z")


async def deliver(url: str, speed: int) -> None:
    def clock() -> datetime:
        return EPOCH + (utc_now() - EPOCH) * speed

    runtime, stopping = Runtime(Settings(database_url=url, webhook_hosts=["127.0.0.1"]), clock), asyncio.Event()
    worker = DeliveryWorker(runtime, stopping)
    await repeat("deliver", 0.05, worker.start_due, stopping)


if __name__ == "__main__":
    asyncio.run(deliver(sys.argv[1], int(sys.argv[2])))
