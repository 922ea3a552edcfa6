"""People with a past, for benchmarks that need a filled database. They are stored as the writer stores them."""

import os
import random
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice

import uvloop
from sqlalchemy import text
from uuid_utils.compat import uuid7

from app.clock import utc_now
from app.scoring.events import Event, Identity
from app.services.ingest import store
from app.services.models import ActiveModels, starter
from app.services.publishing import activate
from app.storage.db import Database

LEADS = int(os.environ.get("LEADSCORE_TEST_LEADS", "200000"))
EVENTS_EACH, DAYS = 5, 60
AT_ONCE = 1_000
NAMES = ("Page Viewed", "Feature Used", "Article Read", "Video Playback Completed", "Form Submitted")
PAGE = {"url": "https://www.example.com/pricing?utm_source=google&utm_medium=cpc", "path": "/pricing"}


def past_event(person: int, days: float) -> Event:
    """An event of `user-{person}` at some time in the last `days`."""
    received_at = utc_now()
    return Event(
        id=uuid7(),
        source="bench",
        message_id=str(uuid7()),
        type="track",
        name=random.choice(NAMES),
        identities=(Identity("user_id", f"user-{person}"),),
        occurred_at=received_at - timedelta(days=random.uniform(0, days)),
        received_at=received_at,
        trusted=True,
        properties={"plan": "team", "seats": 12, "form": "contact"},
        context={"page": PAGE, "locale": "en-GB"},
        traits={},
    )


def everybodys_events(leads: int = LEADS) -> Iterator[Event]:
    """Five events of each person. The people come in random order, so that a table's rows aren't in their order."""
    for person in random.sample(range(leads), leads):
        yield from (past_event(person, DAYS) for _ in range(EVENTS_EACH))


async def fill(database: Database, models: ActiveModels, events: Iterable[Event]) -> None:
    """Store the events, and leave the database as autovacuum would before long."""
    remaining = iter(events)
    while batch := list(islice(remaining, AT_ONCE)):
        async with database.write() as connection:
            await store(connection, models, batch, utc_now())
    async with database.engine.connect() as connection:
        await connection.execute(text("VACUUM ANALYZE"))
        await connection.execute(text("CHECKPOINT"))


async def _fill_new(url: str, events: Iterable[Event]) -> None:
    database = Database(url, statement_timeout_s=None)
    await activate(database, starter(), utc_now)
    await fill(database, ActiveModels(), events)
    await database.close()


def fill_new(url: str, events: Iterable[Event]) -> None:
    """The same for a migrated database that is still empty, with the starter model."""
    uvloop.run(_fill_new(url, events))
