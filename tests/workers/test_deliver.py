"""The delivery worker: nothing is lost when it is killed, and a slow receiver delays only itself.

LEADSCORE_TEST_TRANSITIONS sets the number of changes of stage.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from statistics import quantiles
from time import monotonic

from sqlalchemy.engine import make_url

from app.services.deliveries import CLAIM, DeliveryFilter
from app.services.runtime import Runtime
from app.services.webhooks import ChangeFilter, Target
from app.settings import Settings
from app.workers.deliver import DeliveryWorker
from app.workers.schedule import repeat
from tests.databases import execute
from tests.services.feeds import read_all
from tests.services.harness import NOW, Clock, event, serving, small_model
from tests.webhooks.receivers import answer, receiving

TRANSITIONS = int(os.environ.get("LEADSCORE_TEST_TRANSITIONS", "200"))
KILLS = 10
SPEED = 2_000
"""Two hours pass in 3.6 seconds, so that the schedule of attempts fits into a test."""

HOST = "127.0.0.1"
STAGES = ChangeFilter(frozenset({"lead.stage_changed"}))


@contextmanager
def delivering(url: str) -> Iterator[None]:
    """A process that delivers, killed at the end."""
    with subprocess.Popen([sys.executable, "-m", "tests.workers.delivering", url, str(SPEED)]) as process:
        try:
            yield
        finally:
            process.kill()  # SIGKILL


async def test_a_killed_sender_and_a_failing_receiver_lose_nothing(database_url: str) -> None:
    """Three in ten requests fail, and the sender is killed ten times: every change arrives, under its own id."""
    arrived: Counter[str] = Counter()
    chance = random.Random(1)

    async def answering(request: bytes, writer: asyncio.StreamWriter) -> None:
        fails = chance.random() < 0.3
        if not fails:
            arrived[json.loads(request.partition(b"\r\n\r\n")[2])["id"]] += 1
        writer.write(answer("500 Oh" if fails else "200 OK"))

    async with serving(database_url, small_model()) as service, receiving(answering) as receiver:
        runtime = Runtime(Settings(database_url=database_url, webhook_hosts=[HOST]), Clock())
        await runtime.webhooks.create(Target(f"http://{HOST}:{receiver.port}/", STAGES), "latest", NOW)
        await runtime.stop()
        for number in range(0, TRANSITIONS, 50):
            await service.ingest(*(event(f"u{number + each}") for each in range(50)))
        for kill in range(1, KILLS + 1):
            with delivering(database_url):
                await until_as_many(arrived, TRANSITIONS * kill // (KILLS + 4))
        with delivering(database_url):
            await until_as_many(arrived, TRANSITIONS)
        expected = [change for _, change in await read_all(service.feed) if change.type == "lead.stage_changed"]
    assert arrived.keys() == {str(change.id) for change in expected}


async def test_a_slow_receiver_delays_only_itself(database_url: str) -> None:
    """One sends a byte a second; the other's 95th percentile, from the commit to the arrival, is below 2 seconds."""
    sent: dict[str, float] = {}
    took: list[float] = []

    async def drip(_request: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in answer("200 OK"):
            writer.write(bytes([byte]))
            await asyncio.sleep(1)

    async def note(request: bytes, writer: asyncio.StreamWriter) -> None:
        [user] = json.loads(request.partition(b"\r\n\r\n")[2])["identities"]["user_id"]
        took.append(monotonic() - sent[user])
        writer.write(answer("200 OK"))

    settings = Settings(database_url=database_url, webhook_hosts=[HOST])
    async with serving(database_url, small_model()) as service, receiving(drip) as slow, receiving(note) as good:
        runtime, stopping = Runtime(settings, Clock()), asyncio.Event()
        worker = DeliveryWorker(runtime, stopping)
        for receiver in (slow, good):
            await runtime.webhooks.create(Target(f"http://{HOST}:{receiver.port}/", STAGES), "latest", NOW)
        working = asyncio.create_task(repeat("deliver", 0.5, worker.start_due, stopping))
        for number in range(100):
            sent[f"u{number}"] = monotonic()
            await service.ingest(event(f"u{number}"))
            await asyncio.sleep(0.02)
        await until_as_many(took, len(sent))
        assert slow.requests
        stopping.set()
        await working
        await worker.finish()
        await runtime.stop()
    assert quantiles(took, n=20)[-1] < 2


async def test_an_outage_after_a_request_does_not_repeat_it(postgres_server: str, postgres_url: str) -> None:
    name = make_url(postgres_url).database

    async def allow_connections(allowed: str) -> None:
        await asyncio.to_thread(execute, postgres_server, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {allowed}')

    async def cut_off(_request: bytes, writer: asyncio.StreamWriter) -> None:
        await allow_connections("false")
        kill = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
        await asyncio.to_thread(execute, postgres_server, kill)
        writer.write(answer("200 OK"))

    clock = Clock()
    async with serving(postgres_url, small_model()) as service, receiving(cut_off) as receiver:
        runtime = Runtime(Settings(database_url=postgres_url, webhook_hosts=[HOST]), clock)
        await runtime.webhooks.create(Target(f"http://{HOST}:{receiver.port}/", STAGES), "latest", NOW)
        await service.ingest(event("u1"))
        worker = DeliveryWorker(runtime, asyncio.Event())
        for _ in range(2):
            await worker.start_due()
            await worker.finish()
            await allow_connections("true")
            clock.now += CLAIM
        [delivery] = (await runtime.deliveries.page(DeliveryFilter(), None, 10)).items
        await runtime.stop()
    assert (delivery.state, len(receiver.requests)) == ("delivered", 1)


async def until_as_many(found: Sized, count: int) -> None:
    async with asyncio.timeout(120):
        while len(found) < count:  # noqa: ASYNC110 - another process has to do it
            await asyncio.sleep(0.01)
