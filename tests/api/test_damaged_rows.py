"""Rows that can't be read, over HTTP: lists leave them out, wherever they are, and the log names them.

Only SQLite can hold what can't be decoded: it stores JSON and times as any text.
"""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Table, Text, literal, update

from app.storage.tables import events, leads, rejections, transitions
from tests.api.harness import Api, track
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
UNREADABLE = "{no moment and no JSON"


async def damage(api: Api, table: Table, row_id: str, column: str) -> None:
    async with api.runtime.database.write() as connection:
        value = {column: literal(UNREADABLE, Text)}
        await connection.execute(update(table).where(table.c.id == UUID(row_id)).values(value))


async def listed(api: Api, path: str, **params: Any) -> list[str]:
    """The ids on all pages of the list."""
    ids, position = list[str](), dict[str, str]()
    while True:
        page = await api.told(path, limit=2, **params, **position)
        ids += [each["id"] for each in page["data"]]
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
