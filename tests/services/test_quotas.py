"""Quotas that replicas share in a real Redis, and what happens without it."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.errors import QuotaExceeded
from app.services import quotas as quota_service
from app.services.keys import Key
from app.services.quotas import RETRY_S, Quotas
from tests.services.harness import NOW, Stopwatch

KEY = Key(UUID(int=1), "website", "write", "ls_write_", created_at=NOW)
SERVER = shutil.which("redis-server")


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A server of our own, on a Unix socket."""
    if SERVER is None:
        pytest.skip("redis-server is not installed")
    with TemporaryDirectory() as folder:
        socket = Path(folder) / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder]
        with subprocess.Popen([SERVER, *options], stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            while "ready to accept connections" not in (line := server.stdout.readline()):
                assert line, "redis-server ended"
            try:
                yield f"redis+unix://{socket}"
            finally:
                server.terminate()
                server.stdout.read()


@asynccontextmanager
async def replicas(count: int, url: str | None, clock_s: Any = None) -> AsyncIterator[list[Quotas]]:
    """Replicas with ten a day for each key."""
    made = [Quotas("10/day", None, url, *([clock_s] if clock_s else [])) for _ in range(count)]
    yield made
    for each in made:
        await each.close()


async def passes(quotas: Quotas) -> bool:
    try:
        await quotas.charge(KEY, None, 1, datetime.now(UTC).timestamp())
    except QuotaExceeded:
        return False
    return True


async def test_a_refusal_says_how_much_is_left_and_when_there_is_more() -> None:
    now_s = datetime.now(UTC).timestamp()
    async with replicas(1, None) as [quotas]:
        await quotas.charge(KEY, None, 8, now_s)
        with pytest.raises(QuotaExceeded) as refused:
            await quotas.charge(KEY, None, 3, now_s)
        await quotas.charge(KEY, None, 2, now_s)
    assert (refused.value.name, refused.value.amount, refused.value.left) == ("key", 10, 2)
    assert 0 < refused.value.retry_after_s <= 86_400


async def test_counts_in_memory_are_not_looked_through_with_every_request() -> None:
    async with replicas(1, None) as [quotas]:
        timers = set()
        for _ in range(3):
            await passes(quotas)
            timers.add(quotas._memory.timer)
            await asyncio.sleep(0)  # in which the storage would look
        assert timers == {quotas._pause}


async def test_counts_in_memory_are_looked_through_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota_service, "EXPIRY_INTERVAL_S", 0)
    async with replicas(1, None) as [quotas]:
        await passes(quotas)
        quotas._memory.expirations["leadscore/old"] = 1.0
        for _ in range(10):
            await passes(quotas)
            await asyncio.sleep(0)
        assert "leadscore/old" not in quotas._memory.expirations


async def test_replicas_share_their_counts(redis_url: str) -> None:
    async with replicas(2, redis_url) as both:
        passed = await asyncio.gather(*(passes(both[number % 2]) for number in range(20)))
        assert sum(passed) == 10


async def test_without_redis_each_replica_counts_alone_and_says_so_once(tmp_path: Path) -> None:
    clock_s = Stopwatch()
    async with replicas(2, f"redis+unix://{tmp_path}/nobody", clock_s) as both:
        with capture_logs() as logs:
            passed = [[await passes(each) for _ in range(11)] for each in both]
            assert passed == [[True] * 10 + [False]] * 2
            assert [line["event"] for line in logs] == ["quotas are not shared"] * 2
            clock_s.seconds += RETRY_S
            await passes(both[0])
        assert len(logs) == 3
