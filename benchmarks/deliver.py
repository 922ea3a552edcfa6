"""Delivering to a local receiver, against bare httpx posting the same bodies to it.

Both send up to as many requests at a time, and are measured alternately. The receiver is a process of its own that
answers without looking.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from uuid import UUID

import httpx
import uvloop
from uuid_utils.compat import uuid7

from app.clock import utc_now
from app.scoring.events import Event, Identity
from app.services.deliveries import MAX_AT_ONCE, DeliveryFilter
from app.services.ingest import store
from app.services.models import starter
from app.services.publishing import activate
from app.services.runtime import Runtime
from app.services.webhooks import ChangeFilter, Target
from app.settings import Settings
from app.storage.migrations import migrate
from app.workers.deliver import DeliveryWorker
from benchmarks.figures import Comparison
from benchmarks.servers import receiver
from tests.databases import DURABLE, embedded_postgres

CHANGES = 3_000
ROUNDS = 5
HOST = "127.0.0.1"
STAGES = ChangeFilter(frozenset({"lead.stage_changed"}))


async def _fill(runtime: Runtime) -> None:
    """People who each become sales-ready with their only event."""
    await activate(runtime.database, starter(), utc_now)
    for start in range(0, CHANGES, 1_000):
        async with runtime.database.write() as connection:
            await store(connection, runtime.models, [_event(start + each) for each in range(1_000)], utc_now())


def _event(person: int) -> Event:
    now = utc_now()
    return Event(
        id=uuid7(),
        source="bench",
        message_id=str(uuid7()),
        type="track",
        name="Demo Requested",
        identities=(Identity("user_id", f"user-{person}"), Identity("email", f"user-{person}@example.com")),
        occurred_at=now,
        received_at=now,
        trusted=True,
        properties={},
        context={},
        traits={"email": f"user-{person}@example.com"},
    )


async def _deliver(runtime: Runtime, url: str) -> tuple[float, list[str]]:
    """Deliver every change to a new webhook. Returns the rate, with making the deliveries, and the bodies."""
    webhook = (await runtime.webhooks.create(Target(url, STAGES), 0, utc_now())).webhook
    worker = DeliveryWorker(runtime, asyncio.Event())
    started = perf_counter()
    await worker.start_due()
    await worker.finish()
    rate = CHANGES / (perf_counter() - started)
    await runtime.webhooks.disable(webhook.id, utc_now())
    return rate, await _bodies(runtime, webhook.id)


async def _bodies(runtime: Runtime, webhook_id: UUID) -> list[str]:
    page = await runtime.deliveries.page(DeliveryFilter(webhook_id=webhook_id, state="delivered"), None, CHANGES)
    assert len(page.items) == CHANGES, "not everything was delivered"  # noqa: S101 - or the rate means nothing
    return [delivery.body for delivery in page.items]


async def _post(client: httpx.AsyncClient, url: str, bodies: list[str]) -> float:
    """The rate at which bare httpx posts the bodies."""
    left = iter(bodies)

    async def post() -> None:
        for body in left:
            (await client.post(url, content=body, headers={"Content-Type": "application/json"})).raise_for_status()

    started = perf_counter()
    await asyncio.gather(*(post() for _ in range(MAX_AT_ONCE)))
    return len(bodies) / (perf_counter() - started)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Deliveries a second, against posts of bare httpx."""

    rates: Comparison

    def __str__(self) -> str:
        delivered, posted = median(self.rates.ours), median(self.rates.baseline)
        return (
            f"{CHANGES:,} changes of stages delivered to a webhook, {ROUNDS} rounds, medians:\n"
            f"  delivered                 {delivered:7,.0f}/s\n"
            f"  posted by bare httpx      {posted:7,.0f}/s\n"
            f"  ratio, round by round: {self.rates.ratio:.2f}"
        )


def measure() -> Deliveries:
    with embedded_postgres(DURABLE) as database_url, receiver() as port:
        return Deliveries(uvloop.run(_measure(database_url, port)))


async def _measure(database_url: str, port: int) -> Comparison:
    url = f"http://{HOST}:{port}/"
    runtime = Runtime(Settings(database_url=database_url, webhook_hosts=[HOST]), utc_now)
    delivered, posted = list[float](), list[float]()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runtime.stop)
        client = await stack.enter_async_context(httpx.AsyncClient())
        await migrate(runtime.database)
        await _fill(runtime)
        await runtime.feed.number()
        for _ in range(ROUNDS):
            rate, bodies = await _deliver(runtime, url)
            delivered.append(rate)
            posted.append(await _post(client, url, bodies))
    return Comparison(delivered, posted)
