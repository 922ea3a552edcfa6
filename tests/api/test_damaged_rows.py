"""Rows that can't be read, over HTTP: lists leave them out, wherever they are, and the log names them.

Only SQLite can hold what can't be decoded: it stores JSON and times as any text.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Table, Text, literal, update

from app.storage.tables import (
    deliveries,
    events,
    jobs,
    keys,
    leads,
    models,
    rejections,
    retractions,
    suppressions,
    transitions,
    webhooks,
)
from tests.api.harness import Api, running, small_model, track
from tests.api.people import ingest, newsletter

LISTS = [
    ("/v1/leads/{0}/events", events, "properties"),
    ("/v1/leads/{0}/events", events, "occurred_at"),
    ("/v1/leads/{0}/transitions", transitions, "scores"),
    ("/v1/transitions", transitions, "scores"),
    ("/v1/transitions", transitions, "at"),
    ("/v1/rejections", rejections, "identities"),
    ("/v1/rejections", rejections, "received_at"),
]
ADMIN_LISTS = [
    ("/v1/jobs", jobs, "request"),
    ("/v1/retractions", retractions, "filter"),
    ("/v1/deliveries", deliveries, "created_at"),
    ("/v1/suppressions", suppressions, "created_at"),
    ("/v1/models", models, "document"),
]
WHOLE_LISTS = [("/v1/webhooks", webhooks, "filter"), ("/v1/keys", keys, "origins")]
UNREADABLE = "{no moment and no JSON"


async def damage(api: Api, table: Table, row_id: str | int, column: str) -> None:
    async with api.runtime.database.write() as connection:
        (key,) = table.primary_key
        value = {column: literal(UNREADABLE, Text)}
        wanted = UUID(row_id) if isinstance(row_id, str) else row_id
        await connection.execute(update(table).where(key == wanted).values(value))


async def listed(api: Api, path: str, **params: Any) -> list[Any]:
    """The ids on all pages of the list."""
    ids, position = list[Any](), dict[str, str]()
    while True:
        answer = await api.ask(path, "admin", limit=2, **params, **position)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        ids += [each["version" if path == "/v1/models" else "id"] for each in page["data"]]
        if page["next_cursor"] is None:
            return ids
        assert len(page["data"]) == 2
        position = {"after" if path == "/v1/transitions" else "cursor": page["next_cursor"]}


async def filled(api: Api) -> str:
    """Rows of each kind. Returns the id of the lead that has them."""
    await api.batch(*[track(userId="null") for _ in range(3)])
    for message in (newsletter(), track("Demo Requested"), track("Order Completed")):
        await ingest(api, message)
    lead_id: str = (await api.lead(user_id="u1"))["id"]
    return lead_id


@pytest.mark.parametrize(("path", "table", "column"), LISTS)
async def test_a_list_leaves_out_what_can_not_be_read(
    web: Api, path: str, table: Table, column: str, logs: list[Any]
) -> None:
    path = path.format(await filled(web))
    ids = await listed(web, path)
    assert len(ids) == 3
    for number, row_id in enumerate(ids, 1):
        await damage(web, table, row_id, column)
        assert await listed(web, path) == ids[number:]
        assert (table.name, row_id) in {(line.get("table"), line.get("row")) for line in logs}


@pytest.mark.parametrize("sort", ["last_seen_at", "stage_since"])
async def test_a_list_of_leads_is_not_sorted_by_what_can_not_be_read(web: Api, sort: str) -> None:
    await web.batch(*(track(userId=f"u{number}") for number in range(5)))
    ids = await listed(web, "/v1/leads", sort=sort)
    assert len(ids) == 5
    for lead_id in (ids[2], ids[0], ids[4]):
        await damage(web, leads, lead_id, sort)
        ids.remove(lead_id)
        assert await listed(web, "/v1/leads", sort=sort) == ids


@pytest.fixture
async def administered(sqlite_url: str) -> AsyncIterator[Api]:
    """The application without its workers, with three rows or more of what administrators make."""
    async with running(sqlite_url, working=False, webhook_hosts="localhost", suppression_secret="s" * 32) as api:
        for number in range(3):
            await api.draft(small_model(name=f"small {number}"))
            await api.do("/v1/previews", {"model": small_model()})
            await api.do("/v1/events/retract", {"reason": "a test", "source": f"source {number}"})
            await api.do("/v1/suppressions", {"identities": [{"user_id": f"u{number}"}]})
            made = (await api.do("/v1/webhooks", {"url": "http://localhost:1/"})).json()
            await api.do(f"/v1/webhooks/{made['webhook']['id']}/test", None)
        yield api


@pytest.mark.parametrize(("path", "table", "column"), ADMIN_LISTS)
async def test_a_list_for_administrators_leaves_out_what_can_not_be_read(
    administered: Api, path: str, table: Table, column: str, logs: list[Any]
) -> None:
    ids = await listed(administered, path)
    assert len(ids) >= 3
    for row_id in ids[:2]:
        await damage(administered, table, row_id, column)
        ids.remove(row_id)
        assert await listed(administered, path) == ids
        assert (table.name, str(row_id)) in {(line.get("table"), line.get("row")) for line in logs}


@pytest.mark.parametrize(("path", "table", "column"), WHOLE_LISTS)
async def test_a_whole_list_leaves_out_what_can_not_be_read(
    administered: Api, path: str, table: Table, column: str
) -> None:
    before = (await administered.ask(path, "admin")).json()["data"]
    await damage(administered, table, before[1]["id"], column)
    after = await administered.ask(path, "admin")
    assert after.json()["data"] == [before[0], *before[2:]]
