"""A rollout whose process is killed repeatedly, during transactions and between them.

LEADSCORE_TEST_LEADS sets the number of leads.
"""

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from uuid_utils.compat import uuid7

from app.scoring.engine import CompiledModel, compile_model
from app.scoring.events import Event
from app.scoring.facts import merge
from app.storage.db import Database
from app.storage.tables import leads, transitions
from tests.services.harness import NOW, Service, days_ago, event, serving, small_model, with_signal
from tests.services.rebuild import columns_of, stored
from tests.services.rolling import CHUNK

LEADS = int(os.environ.get("LEADSCORE_TEST_LEADS", "2000"))
KILLS = 5
AT_ONCE = 500

OTHER = with_signal("demo", {"on": ["Feature Used"]})
"""Using a feature counts as asking for a demo, so that stages change and the log is recounted."""

PATTERNS = (
    ("Page Viewed",),
    ("Feature Used",),
    ("Feature Used", "Feature Used", "Page Viewed"),
    ("Demo Requested", "Page Viewed"),
    ("Demo Requested", "Feature Used"),
    ("Unheard Of",),
)


def events_of(person: int) -> list[Event]:
    names = PATTERNS[person % len(PATTERNS)]
    return [event(f"u{person}", name=name, at=days_ago(days)) for days, name in enumerate(names)]


async def fill(service: Service) -> None:
    for start in range(0, LEADS, AT_ONCE):
        people = range(start, min(start + AT_ONCE, LEADS))
        await service.ingest(*(each for person in people for each in events_of(person)))


def kill_midway(url: str, owner: UUID, chunks: int) -> int:
    """Roll out in another process, kill it after it has reported `chunks`, and return how many leads it reported."""
    command = [sys.executable, "-m", "tests.services.rolling", url, str(owner)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        reported = [int(process.stdout.readline()) for _ in range(chunks)]
        process.kill()  # SIGKILL
    return sum(reported)


def expected(model: CompiledModel) -> list[dict[str, object]]:
    """The stored columns of a lead for each pattern."""
    return [columns_of(model, merge(map(model.facts_of, events_of(n))), NOW) for n in range(len(PATTERNS))]


async def changes(database: Database) -> Iterable[tuple[UUID, str, int, str]]:
    """Lead, cause, version and new stage of each transition."""
    query = select(transitions.c.lead_id, transitions.c.cause, transitions.c.model_version, transitions.c.to_stage)
    query = query.order_by(transitions.c.id)
    async with database.read() as connection:
        return [tuple(row) for row in await connection.execute(query)]


async def test_a_rollout_that_is_killed_repeatedly_is_exact(database_url: str) -> None:
    owner = uuid7()
    async with serving(database_url, small_model()) as service:
        await fill(service)
        await service.publish(OTHER)
        most = LEADS // CHUNK // (KILLS + 1)
        reported = [kill_midway(database_url, owner, random.randint(1, most)) for _ in range(KILLS)]
        assert all(reported)
        assert sum(reported) < LEADS
        service.id = owner
        assert await service.roll_out(CHUNK)
        by_pattern = expected(compile_model(OTHER, 2))
        state = await stored(service.database)
        assert len(state) == LEADS
        for (identity,), row in state.items():
            assert row == by_pattern[int(identity.removeprefix("user_id:u")) % len(PATTERNS)]
        repeated = [key for key, times in Counter(await changes(service.database)).items() if times > 1]
        assert repeated == []
        await assert_every_stage_change_is_recorded(service.database)


async def assert_every_stage_change_is_recorded(database: Database) -> None:
    """Each lead is in the stage of its last transition, and those who used a feature have just moved up."""
    last = {lead_id: to_stage for lead_id, _, _, to_stage in await changes(database)}
    async with database.read() as connection:
        stages = {row.id: row.stage for row in await connection.execute(select(leads.c.id, leads.c.stage))}
    assert {lead_id: last.get(lead_id, "interest") for lead_id in stages} == stages
    moved = [lead_id for lead_id, cause, version, _ in await changes(database) if (cause, version) == ("model", 2)]
    assert len(moved) == sum(n % len(PATTERNS) in {1, 2, 3} for n in range(LEADS))
