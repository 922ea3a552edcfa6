"""Operations: alive, ready, measured; and what is answered while the database is gone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from tests.api.harness import Api, accepted, assert_problem, page_view, running, track
from tests.services.harness import NOW


class Wire:
    """A way to a PostgreSQL server that can be cut and mended: a socket of its own, whose bytes are passed on."""

    def __init__(self, url: str, folder: Path) -> None:
        self._target = make_url(url)
        self._path = folder / ".s.PGSQL.5432"
        self._open: set[asyncio.StreamWriter] = set()
        query = {"host": str(folder), "port": "5432"}
        self.url = self._target.set(host=None, port=None, query=query).render_as_string(hide_password=False)

    async def mend(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def cut(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        self._path.unlink(missing_ok=True)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = self._target.query.get("host")
        if isinstance(folder, str) and folder.startswith("/"):
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{self._target.port or 5432}")
        return await asyncio.open_connection(self._target.host, self._target.port or 5432)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await self._connect()
        ends = {writer, far_writer}
        self._open |= ends
        await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))
        self._open -= ends

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
        except OSError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[tuple[Api, Wire]]:
    with TemporaryDirectory(prefix="ls-") as folder:
        wire = Wire(url, Path(folder))
        await wire.mend()
        async with running(wire.url, pool_timeout_s=1) as api:
            yield api, wire
        await wire.cut()


async def test_a_running_process_is_alive_and_ready(api: Api) -> None:
    for path in ("/livez", "/readyz"):
        answer = await api.client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_without_a_database_a_process_is_alive_but_not_ready(postgres_url: str) -> None:
    async with wired(postgres_url) as (api, wire):
        await wire.cut()
        assert (await api.client.get("/livez")).status_code == 200
        assert_problem(await api.client.get("/readyz"), 503, "unavailable")
        assert (await api.client.get("/metrics")).status_code == 200


async def test_gauges_from_the_database_have_no_value_without_it(postgres_url: str) -> None:
    async with wired(postgres_url) as (api, wire):
        accepted(await api.send("/v1/track", track()))
        assert "leadscore_leads{" in (await api.client.get("/metrics")).text
        await wire.cut()
        shown = (await api.client.get("/metrics")).text
        assert "leadscore_leads{" not in shown
        assert "leadscore_oldest_due_check_seconds NaN" in shown


async def test_without_a_database_every_response_is_503_with_retry_after(postgres_url: str, logs: list[Any]) -> None:
    async with wired(postgres_url) as (api, wire):
        accepted(await api.send("/v1/track", track()))
        await api.ask("/v1/leads")
        await wire.cut()
        for answer in (
            await api.send("/v1/track", track()),
            await api.batch(track(userId=None)),
            await api.ask("/v1/leads"),
        ):
            assert_problem(answer, 503, "unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        refused = [line for line in logs if line.get("status") == 503]
        assert [line["problem"] for line in refused] == ["unavailable"] * 3
        assert all(line["reason"] for line in refused)


async def test_an_outage_is_logged_in_two_lines_however_many_requests_fail(postgres_url: str, logs: list[Any]) -> None:
    async with wired(postgres_url) as (api, wire):
        for _ in range(2):
            await wire.cut()
            for _ in range(3):
                await api.send("/v1/track", track())
                await api.client.get("/readyz")
                await api.ask("/v1/leads")
            await wire.mend()
            for _ in range(3):
                accepted(await api.send("/v1/track", track()))
                await api.ask("/v1/leads")
        told = [line for line in logs if line["log_level"] not in {"debug", "info"}]
    assert [line["event"] for line in told] == ["the database is unavailable", "the database is available again"] * 2
    assert [bool(line.get("reason")) for line in told] == [True, False] * 2


async def test_a_database_that_comes_back_is_used_immediately(postgres_url: str) -> None:
    async with wired(postgres_url) as (api, wire):
        accepted(await api.send("/v1/track", track()))
        await wire.cut()
        assert (await api.send("/v1/track", track())).status_code == 503
        await wire.mend()
        assert (await api.client.get("/readyz")).status_code == 200
        assert accepted(await api.send("/v1/track", track())) == (1, 0)
        assert (await api.lead(user_id="u1"))["event_count"] == 2


async def test_an_outdated_schema_is_not_ready(api: Api) -> None:
    async with api.runtime.database.write() as connection:
        await connection.execute(text("DELETE FROM alembic_version"))
    document = assert_problem(await api.client.get("/readyz"), 503, "schema-outdated")
    assert "leadscore migrate" in document["detail"]


async def test_a_stopping_process_is_not_ready(web: Api) -> None:
    web.runtime.stopping = True
    assert_problem(await web.client.get("/readyz"), 503, "unavailable")


Measure = Callable[[str], float]


@pytest.fixture
async def measure(api: Api) -> Callable[[], Awaitable[Measure]]:
    """The samples that `/metrics` shows, by name and labels."""

    async def shown() -> Measure:
        answer = await api.client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=")
        lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
        samples = {name: float(value) for name, _, value in lines}
        return samples.__getitem__

    return shown


async def test_messages_are_measured_by_outcome(api: Api, measure: Callable[[], Awaitable[Measure]]) -> None:
    message = track()
    await api.batch(message, message, track(), track(userId=None))
    await api.client.post("/v1/forms/f", data={"email": "a@b.c", "_gotcha": "x", "writeKey": api.keys["write"]})
    told = await measure()
    results = ("accepted", "duplicate", "rejected", "quarantined")
    assert [told(f'leadscore_messages_total{{result="{result}"}}') for result in results] == [2, 1, 1, 1]


async def test_the_writers_work_is_measured(api: Api, measure: Callable[[], Awaitable[Measure]]) -> None:
    await api.batch(track(), track(), track())
    told = await measure()
    assert told("leadscore_commit_messages_sum") == 3
    assert told("leadscore_commit_seconds_count") == 1
    assert told("leadscore_commit_conflicts_total") == 0
    assert told("leadscore_queue_messages") == 0


async def test_requests_are_measured(api: Api, measure: Callable[[], Awaitable[Measure]]) -> None:
    await api.send("/v1/t", track())
    labels = 'method="POST",route="/v1/t",status="200"'
    assert (await measure())(f"leadscore_request_seconds_count{{{labels}}}") == 1


async def test_leads_and_their_stage_changes_are_measured(api: Api, measure: Callable[[], Awaitable[Measure]]) -> None:
    await api.batch(page_view(), track(), track("Order Completed", userId="u2"), key=api.keys["server"])
    told = await measure()
    assert [told(f'leadscore_leads{{stage="{stage}"}}') for stage in ("interest", "sql", "customer")] == [1, 1, 1]
    assert told('leadscore_transitions_total{from_stage="interest",to_stage="sql"}') == 1


async def test_the_oldest_due_check_is_measured(api: Api, measure: Callable[[], Awaitable[Measure]]) -> None:
    await api.send("/v1/track", track())
    assert (await measure())("leadscore_oldest_due_check_seconds") == 0
    api.clock.now = NOW + timedelta(days=60)
    assert (await measure())("leadscore_oldest_due_check_seconds") > 0


async def test_the_process_and_its_version_are_measured(api: Api, measure: Callable[[], Awaitable[Measure]]) -> None:
    sample = await measure()
    assert sample(f'leadscore_build_info{{version="{version("leadscore")}"}}') == 1
    assert sample("process_resident_memory_bytes") > 1_000_000


async def test_results_are_shown_before_they_occur(api: Api, measure: Callable[[], Awaitable[Measure]]) -> None:
    sample = await measure()
    assert sample('leadscore_messages_total{result="rejected"}') == 0
    assert sample('leadscore_webhook_attempt_seconds_count{result="dead"}') == 0


async def test_times_of_creation_are_not_shown(api: Api) -> None:
    accepted(await api.send("/v1/track", track()))
    assert "_created" not in (await api.client.get("/metrics")).text
