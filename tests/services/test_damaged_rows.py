"""Rows of background work that can't be read: the rest of the work goes on without them.

Only SQLite can hold what can't be decoded: it stores JSON and times as any text.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Table, Text, literal, update
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from app.services.jobs import Jobs
from app.services.retractions import EventFilter, Retractions
from app.storage.tables import deliveries, jobs, retractions
from tests.services.harness import NOW, Service, event, serving, small_model
from tests.services.senders import STAGES, sending
from tests.services.test_retractions import carry_out
from tests.webhooks.receivers import always


@pytest.fixture
async def service(sqlite_url: str) -> AsyncIterator[Service]:
    async with serving(sqlite_url, small_model()) as replica:
        yield replica


async def damage(service: Service, table: Table, row_id: UUID, column: str) -> None:
    async with service.database.write() as connection:
        value: dict[str, Any] = {column: literal("{no moment and no JSON", Text)}
        await connection.execute(update(table).where(table.c.id == row_id).values(value))


async def test_a_damaged_delivery_does_not_keep_others_from_being_sent(service: Service) -> None:
    async with sending(service, always("500 Oh")) as sender:
        webhook = await sender.subscribe(STAGES)
        await service.ingest(event("u1"))
        [failed] = await sender.deliver(webhook)
        await damage(service, deliveries, failed.id, "created_at")
        service.clock.now = failed.next_attempt_at or NOW
        await service.ingest(event("u2"))
        with capture_logs() as logs:
            [other] = await sender.deliver(webhook)
        assert other.id != failed.id
        assert [(line["table"], line["row"]) for line in logs if "table" in line] == [("deliveries", str(failed.id))]


async def test_a_damaged_job_does_not_keep_others_waiting(service: Service) -> None:
    queue = Jobs(service.database, service.clock)
    first, second = await queue.create("proposal", {}), await queue.create("backtest", {})
    await damage(service, jobs, first.id, "request")
    with capture_logs() as logs:
        assert await queue.claim(uuid7()) is None
    assert [line["row"] for line in logs] == [str(first.id)]
    claimed = await queue.claim(uuid7())
    assert claimed is not None
    assert claimed.id == second.id


async def test_a_damaged_retraction_does_not_keep_others_pending(service: Service) -> None:
    work = Retractions(service.database, service.models, service.clock)
    first = await work.create(EventFilter(source="a"), "a bot", "admin")
    second = await work.create(EventFilter(source="b"), "a bot", "admin")
    await damage(service, retractions, first.retraction.id, "filter")
    with capture_logs() as logs:
        await carry_out(service)
    assert {line["row"] for line in logs} == {str(first.retraction.id)}
    assert (await work.get(second.retraction.id)).retraction.state == "retracted"
