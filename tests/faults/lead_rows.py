"""The fault of a lead: its row is damaged, so that it can't be evaluated."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select, update
from sqlalchemy.sql import Executable

from app.clock import utc_now
from app.scoring.model import dump_model, load_model
from app.services.models import starter
from app.services.publishing import activate
from app.storage.db import Database
from app.storage.tables import leads
from tests import databases
from tests.api.server import Server
from tests.faults.site import Site

DAMAGED = {"signal": {"yesterday": 1}}  # a day that is not a day
REACHED_IN_S = 40


@contextmanager
def damaged(site: Site) -> Iterator[None]:
    """Everybody is due for the sweeper and for a new model, one whose row is damaged first."""
    server = site.servers[0]
    lead_id = _new_lead(server)
    tally = databases.run(_damage(site.database_url, lead_id))
    _await(lambda: _is_everybody_else_reached(server))
    yield
    databases.run(_execute(site.database_url, update(leads).where(leads.c.id == lead_id).values(tally=tally)))


def _new_lead(server: Server) -> UUID:
    message = {"userId": "damaged", "event": "Feature Used", "messageId": "damaged"}
    assert server.send("/v1/track", message).status_code == httpx.codes.OK
    return UUID(server.ask("/v1/leads/lookup", user_id="damaged")["id"])


async def _damage(url: str, lead_id: UUID) -> Any:
    """Returns what the row had before."""
    database = Database(url)
    async with database.write() as connection:
        tally = (await connection.execute(select(leads.c.tally).where(leads.c.id == lead_id))).scalar_one()
        await connection.execute(update(leads).where(leads.c.id == lead_id).values(tally=DAMAGED))
        yesterday = utc_now().date() - timedelta(days=1)
        await connection.execute(update(leads).values(next_check_on=yesterday))
    await activate(database, load_model(dump_model(starter()) | {"name": "another"}), utc_now)
    await database.close()
    return tally


async def _execute(url: str, statement: Executable) -> None:
    database = Database(url)
    async with database.write() as connection:
        await connection.execute(statement)
    await database.close()


def _is_everybody_else_reached(server: Server) -> bool:
    metrics = httpx.get(f"{server.url}/metrics", timeout=30).text
    measured = {
        name: re.findall(rf"^{name} (\S+)$", metrics, re.MULTILINE)
        for name in ("leadscore_failed_evaluations_total", "leadscore_oldest_due_check_seconds")
    }
    is_swept = measured == {
        "leadscore_failed_evaluations_total": ["2.0"],
        "leadscore_oldest_due_check_seconds": ["0.0"],
    }
    return is_swept and bool(server.ask("/v1/rollouts/2")["state"] == "done")


def _await(holds: Callable[[], bool]) -> None:
    give_up_at = monotonic() + REACHED_IN_S
    while not holds():
        assert monotonic() < give_up_at, "the damaged lead holds up the others"
        sleep(0.1)
