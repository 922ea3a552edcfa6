"""The delivery worker: a task for each webhook that has something to do, so that a slow receiver delays only itself."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog

from app.documents.webhooks import render_message
from app.errors import Unavailable
from app.services.deliveries import Attempt
from app.services.runtime import Runtime

log = structlog.get_logger()


class DeliveryWorker:
    """Starts the tasks, and waits for them at the end. Webhooks that are busy already are left alone."""

    def __init__(self, runtime: Runtime, stopping: asyncio.Event) -> None:
        self._runtime = runtime
        self._stopping = stopping
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._unrecorded: dict[UUID, list[Attempt]] = {}

    async def start_due(self) -> None:
        """One round."""
        await self._runtime.deliveries.close_unused_connections()
        due = await self._runtime.deliveries.due()
        if due:
            await self._runtime.feed.number()
        self._tasks = {webhook_id: task for webhook_id, task in self._tasks.items() if not task.done()}
        for webhook_id in due:
            if webhook_id not in self._tasks:
                self._tasks[webhook_id] = asyncio.create_task(self._deliver(webhook_id), name=f"webhook {webhook_id}")

    async def finish(self) -> None:
        """Wait until every request that has begun has ended and is recorded."""
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    async def _deliver(self, webhook_id: UUID) -> None:
        try:
            await self._deliver_all(webhook_id)
        except Unavailable as error:
            log.debug("deliveries postponed", webhook=str(webhook_id), reason=error.reason or error.detail)
        except Exception:
            log.exception("deliveries failed", webhook=str(webhook_id))

    async def _deliver_all(self, webhook_id: UUID) -> None:
        """Turn by turn, until nothing is due. When the process stops, the last attempts are still recorded.

        Attempts that an outage of the database keeps from being recorded are, once the webhook is due again.
        """
        deliveries, attempts = self._runtime.deliveries, self._unrecorded.pop(webhook_id, [])
        try:
            while not self._stopping.is_set():
                turn = await deliveries.take_turn(webhook_id, attempts, render_message)
                attempts = []
                if turn is None or turn.is_last:
                    return
                attempts = await asyncio.gather(*(deliveries.attempt(turn.webhook, each) for each in turn.claimed))
                self._observe(attempts)
            await deliveries.record(webhook_id, attempts)
        except Unavailable:
            self._unrecorded[webhook_id] = attempts
            raise

    def _observe(self, attempts: Sequence[Attempt]) -> None:
        for delivery, answer in attempts:
            self._runtime.metrics.attempted(delivery.state, answer.seconds)
            if delivery.state == "dead":
                log.warning("delivery dead", webhook=str(delivery.webhook_id), delivery=str(delivery.id))
