"""Publishing: make a version the active model and start its rollout."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.errors import ModelChanged
from app.scoring.document import ScoringModel
from app.scoring.model import dump_model, load_model
from app.services.model_checks import ModelReport, check_model
from app.services.models import get_stored, get_version, retry_on_conflict, starter_text
from app.storage import changes as change_store
from app.storage import leads as lead_store
from app.storage import models as model_store
from app.storage import rollouts as rollout_store
from app.storage.changes import Change
from app.storage.db import Conflict, Database
from app.storage.rollouts import Rollout
from app.storage.sql import dumps

Clock = Callable[[], datetime]
"""Read inside the transaction, because requests are served by the old model until then."""


async def publish(
    database: Database,
    version: int,
    clock: Clock,
    *,
    notify: bool,
    author: str | None = None,
    compared_with: int | None = None,
    report: ModelReport | None = None,
) -> Rollout:
    """Make a version the active model and return the rollout that this starts.

    If it is active already, nothing changes and its existing rollout is returned. `compared_with`: the version that has
    to be active still. `report`: the result of `check_model` for this version, for callers that have it already. Raises
    `NotFound`, `ExamplesFailed` or `ModelChanged`.
    """
    report = report or await _check_version(database, version)
    report.require_examples()
    async with database.read() as connection:
        leads = await lead_store.count_outdated(connection, version)

    async def make_active(connection: AsyncConnection) -> Rollout:
        latest = await rollout_store.latest(connection)
        _require_active(compared_with, latest, version)
        return await _publish(connection, latest, version, clock(), author=author, notify=notify, leads=leads)

    return await retry_on_conflict(database, make_active)


async def _check_version(database: Database, version: int) -> ModelReport:
    stored = await get_version(database, version)
    return await asyncio.to_thread(lambda: check_model(stored.load()))


def _require_active(compared_with: int | None, latest: Rollout | None, version: int) -> None:
    """Raise `ModelChanged` if another version than the one compared with is active, unless it is `version` itself."""
    active = latest.version if latest else None
    if compared_with is not None and active not in (compared_with, version):
        raise ModelChanged(
            f"Version {compared_with} is not the active one: version {active} is. Compare with that, then publish."
        )


async def activate(
    database: Database,
    model: ScoringModel,
    clock: Clock,
    *,
    text: str | None = None,
    note: str | None = None,
    notify: bool = False,
    report: ModelReport | None = None,
) -> Rollout:
    """Draft and publish a document in one step, unless it is the active one already, comments aside.

    `text`: the document as it was written, in YAML. `report`: as for `publish`. Raises `ExamplesFailed`.
    """
    if report is None:
        report = await asyncio.to_thread(check_model, model)
    report.require_examples()
    document = dump_model(model)
    async with database.read() as connection:
        leads = await lead_store.count(connection)  # no lead has been evaluated by the new version yet

    async def make_active(connection: AsyncConnection) -> Rollout:
        latest = await rollout_store.latest(connection)
        if latest is not None and dumps((await get_stored(connection, latest.version)).document) == dumps(document):
            return latest  # compared as JSON, because in Python True == 1, and conditions distinguish them
        now = clock()
        version = await model_store.insert(connection, document, now, text=text, note=note, author=None)
        return await _publish(connection, latest, version, now, author=None, notify=notify, leads=leads)

    return await retry_on_conflict(database, make_active)


async def _publish(
    connection: AsyncConnection,
    latest: Rollout | None,
    version: int,
    now: datetime,
    *,
    author: str | None,
    notify: bool,
    leads: int,
) -> Rollout:
    """Raises `Conflict` if another rollout was inserted after `latest`, the one that the caller has read."""
    if latest is not None and latest.version == version:
        return latest
    after = latest.id if latest else 0
    # Looking back relies on these times being in order, even if the clocks of two replicas disagree.
    at = max(now, latest.published_at) if latest else now
    rollout = await rollout_store.insert(
        connection, version, at, after=after, author=author, notify=notify, leads=leads
    )
    data = {"version": version, "rollout_id": rollout.id, "notify": notify}
    await change_store.insert(connection, [Change(uuid7(), "model.published", at, None, data)], at)
    return rollout


async def install_starter(database: Database, clock: Clock) -> None:
    """Publish the starter model if the database has no model."""
    async with database.read() as connection:
        if await rollout_store.latest(connection) is not None:
            return
    text = starter_text()
    document = dump_model(load_model(text))
    try:
        async with database.write() as connection:
            now = clock()
            note = "The model that ships."
            version = await model_store.insert(connection, document, now, text=text, note=note, author=None)
            await _publish(connection, None, version, now, author=None, notify=False, leads=0)
    except Conflict:  # another replica has just published it
        return
