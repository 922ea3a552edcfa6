"""Publishing: a version becomes the active model, and its rollout begins."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.document import ScoringModel
from app.scoring.model import dump_model
from app.services.model_checks import ModelReport, check_model
from app.services.models import get_stored, get_version, retry_on_conflict, starter
from app.storage import leads as lead_store
from app.storage import models as model_store
from app.storage import rollouts as rollout_store
from app.storage.db import Conflict, Database
from app.storage.rollouts import Rollout
from app.storage.sql import dumps

Clock = Callable[[], datetime]
"""Read inside the transaction: until then, requests were still served by the old model."""


async def publish(
    database: Database, version: int, clock: Clock, *, notify: bool, report: ModelReport | None = None
) -> Rollout:
    """Make a version the active model, and return the rollout that this starts.

    For the active version, that is the rollout that made it so: nothing is started again. `report` is what
    `check_model` found in this version, for callers that have checked it already.
    Raises `NotFound` or `ExamplesFailed`.
    """
    report = report or await _check_version(database, version)
    report.require_examples()
    async with database.read() as connection:
        leads = await lead_store.count_outdated(connection, version)

    async def make_active(connection: AsyncConnection) -> Rollout:
        latest = await rollout_store.latest(connection)
        return await _publish(connection, latest, version, clock(), notify=notify, leads=leads)

    return await retry_on_conflict(database, make_active)


async def _check_version(database: Database, version: int) -> ModelReport:
    found = await get_version(database, version)
    return await asyncio.to_thread(lambda: check_model(found.load()))


async def activate(
    database: Database,
    model: ScoringModel,
    clock: Clock,
    *,
    note: str | None = None,
    notify: bool = False,
    report: ModelReport | None = None,
) -> Rollout:
    """Draft and publish a document in one step. If it is active already, nothing changes. `report`: as for `publish`.

    Raises `ExamplesFailed`.
    """
    if report is None:
        report = await asyncio.to_thread(check_model, model)
    report.require_examples()
    document = dump_model(model)
    async with database.read() as connection:
        leads = await lead_store.count(connection)  # whatever the version will be, none has been evaluated by it

    async def make_active(connection: AsyncConnection) -> Rollout:
        latest = await rollout_store.latest(connection)
        if latest is not None and dumps((await get_stored(connection, latest.version)).document) == dumps(document):
            return latest  # not by `==`: to Python, true is 1; to a condition it is not
        now = clock()
        version = await model_store.insert(connection, document, note, now)
        return await _publish(connection, latest, version, now, notify=notify, leads=leads)

    return await retry_on_conflict(database, make_active)


async def _publish(
    connection: AsyncConnection, latest: Rollout | None, version: int, now: datetime, *, notify: bool, leads: int
) -> Rollout:
    """`Conflict` if there is another rollout by now than the latest that the caller has seen."""
    if latest is not None and latest.version == version:
        return latest
    after = latest.id if latest else 0
    # Looking back goes by the time: though replicas' clocks disagree, the later publication must not get the earlier.
    at = max(now, latest.published_at) if latest else now
    return await rollout_store.insert(connection, version, at, after=after, notify=notify, leads=leads)


async def install_starter(database: Database, clock: Clock) -> None:
    """Give a database that has no model the starter."""
    async with database.read() as connection:
        if await rollout_store.latest(connection) is not None:
            return
    document = dump_model(starter())
    try:
        async with database.write() as connection:
            now = clock()
            version = await model_store.insert(connection, document, "The model that ships.", now)
            await _publish(connection, None, version, now, notify=False, leads=0)
    except Conflict:  # another replica has just done it
        return
