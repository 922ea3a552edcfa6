"""Erasure is complete: a token that is planted wherever a client can write is nowhere afterwards.

Each table that had it is named, so that the test fails if erasure forgets one, and if nothing was planted in it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url, select
from structlog.testing import capture_logs

from app.services.retention import delete_old_events
from app.storage.events import LONGEST_WRITE
from app.storage.tables import metadata
from app.workers.accounts import count_accounts
from app.workers.deliver import DeliveryWorker
from app.workers.retract import run_retractions
from tests.api.harness import Api, running
from tests.api.planting import TOKEN, USER, is_in, planted, visit
from tests.webhooks.receivers import Receiver, always, receiving

KEPT_IN = {
    *("accounts", "commits", "deliveries", "events", "former_identities", "group_summaries", "groups", "identities"),
    *("leads", "rejections", "summaries"),
}
"""The tables that a person's data is in. Those of transitions and retracted events have ids, stages and scores."""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(always("204 No Content")) as receiver:
        yield receiver


async def tables_with_token(api: Api) -> set[str]:
    async with api.runtime.database.read() as connection:
        found = {table.name: await connection.execute(select(table)) for table in metadata.sorted_tables}
        return {name for name, rows in found.items() if any(is_in(repr(tuple(row))) for row in rows)}


def embedded_file(url: str) -> str:
    """What is in the file of an embedded database, its unused parts included."""
    path = make_url(url).database if url.startswith("sqlite") else None
    return Path(path).read_bytes().decode("latin-1") if path else ""


async def subscribe(api: Api, receiver: Receiver) -> None:
    types = ["lead.created", "lead.stage_changed", "lead.score_changed", "lead.traits_changed", "lead.erased"]
    wanted = {"url": f"http://127.0.0.1:{receiver.port}/", "types": types}
    assert (await api.do("/v1/webhooks", wanted)).status_code == 201


async def deliver(api: Api) -> None:
    worker = DeliveryWorker(api.runtime, asyncio.Event())
    await worker.start_due()
    await worker.finish()


async def live_through_everything(api: Api) -> None:
    """A retraction, the deletion of old events, further visits, and all that is derived from them."""
    await visit(api)
    api.clock.now += timedelta(days=1)
    wanted = {"reason": "wrong", "message_ids": [f"{TOKEN}-4"]}
    assert (await api.do("/v1/events/retract", wanted)).status_code == 202
    await run_retractions(api.runtime, asyncio.Event())
    api.clock.now += LONGEST_WRITE
    await run_retractions(api.runtime, asyncio.Event())  # then it is complete
    now = api.clock.now
    await delete_old_events(api.runtime.database, api.runtime.models, now, now, lambda *_: True)
    await api.batch(planted("group", 11, groupId=TOKEN, userId=USER), key=api.keys["server"])
    await api.batch(planted("track", 12, event="Demo Requested", userId=USER))
    await count_accounts(api.runtime, asyncio.Event())
    await deliver(api)


async def everything_served(api: Api) -> str:
    paths = ["/v1/changes", "/v1/leads", "/v1/accounts", "/v1/rejections", "/v1/deliveries", "/v1/activity"]
    paths += ["/v1/retractions", "/v1/sources", "/v1/funnel", "/v1/jobs", "/v1/suppressions"]
    answers = [await api.ask(path, "admin") for path in paths]
    assert {answer.status_code for answer in answers} == {200}
    return "".join(answer.text for answer in answers)


async def test_nothing_of_a_person_is_left(
    database_url: str, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)  # of libraries; the command line never lets them log more
    with capture_logs() as lines:
        async with running(database_url, working=False, webhook_hosts=["127.0.0.1"]) as api:
            await subscribe(api, receiver)
            await live_through_everything(api)
            await api.batch(planted("track", 13, event="Order Completed", userId=USER), key=api.keys["server"])
            assert await tables_with_token(api) == KEPT_IN
            lead_id = (await api.lead(user_id=USER))["id"]
            before = len(receiver.requests)
            erased = await api.client.delete(f"/v1/leads/{lead_id}", headers=api.bearer("admin"))
            assert erased.status_code == 204
            assert await tables_with_token(api) == set()
            await deliver(api)  # also of what happened before, but was not delivered yet
            sent = [request.decode() for request in receiver.requests]
            assert (any(map(is_in, sent[:before])), any(map(is_in, sent[before:]))) == (True, False)
            assert '"lead.erased"' in sent[-1]
            assert not is_in(await everything_served(api))
    of_libraries = [record.getMessage() for record in caplog.records if record.name != "httpx"]  # the test's client
    assert not is_in(embedded_file(database_url))
    assert lines
    assert not is_in(repr([lines, of_libraries]))
