"""Scoring models at work: drafts, their versions, and publishing one of them, which makes it the active model."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from itertools import pairwise
from typing import Any, Literal, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import ExamplesFailed, InvalidMessage, NotFound
from app.protocol.values import check_values
from app.scoring.document import ScoringModel
from app.scoring.engine import CompiledModel, compile_model
from app.scoring.examples import run_examples
from app.scoring.matching import renamed_stages
from app.scoring.model import dump_model, load_model
from app.storage import leads as lead_store
from app.storage import models as model_store
from app.storage import rollouts as rollout_store
from app.storage.db import Conflict, Database
from app.storage.models import ModelVersion
from app.storage.rollouts import Rollout
from app.storage.sql import dumps
from app.validation.faults import Fault, InvalidModel

Result = TypeVar("Result")

Clock = Callable[[], datetime]
"""Read inside the transaction: at a moment before it, others were still served by the old model."""

State = Literal["draft", "active", "retired"]


class ActiveModels:
    """Which model is active is asked in every transaction; a version, once compiled, never changes."""

    def __init__(self) -> None:
        self._compiled: dict[int, CompiledModel] = {}
        self._renamed: dict[tuple[int, int], tuple[CompiledModel, Mapping[str, str]]] = {}

    async def active(self, connection: AsyncConnection) -> CompiledModel:
        return await self.version(connection, await active_version(connection))

    async def version(self, connection: AsyncConnection, version: int) -> CompiledModel:
        if version not in self._compiled:
            stored = await _existing(connection, version)
            self._compiled[version] = await asyncio.to_thread(_compiled, stored)
        return self._compiled[version]

    async def stage_names(self, models: Sequence[CompiledModel]) -> dict[str, str]:
        """What the last of these models calls the stages of the first, if each follows on the one before it."""
        names = {stage.name: stage.name for stage in models[0].stages}
        for before, after in pairwise(models):
            if before is after:
                continue
            renamed = await self._renamed_stages(before, after)
            names = {first: renamed.get(name, name) for first, name in names.items()}
        return names

    async def _renamed_stages(self, before: CompiledModel, after: CompiledModel) -> Mapping[str, str]:
        key = before.version, after.version
        known = self._renamed.get(key)
        if known is None or known[0] is not after:  # a model that is only tried has no version of its own
            known = after, await asyncio.to_thread(renamed_stages, before.document, after.document)
            self._renamed[key] = known
        return known[1]


def _compiled(stored: ModelVersion) -> CompiledModel:
    return compile_model(load_model(stored.document), stored.version)


async def active_version(connection: AsyncConnection) -> int:
    version = await rollout_store.active_version(connection)
    if version is None:
        msg = "There is no scoring model: run `leadscore model publish FILE`."
        raise NotFound(msg)
    return version


async def _existing(connection: AsyncConnection, version: int) -> ModelVersion:
    stored = await model_store.get(connection, version)
    if stored is None:
        msg = f"There is no version {version} of the scoring model; /v1/models lists those there are."
        raise NotFound(msg)
    return stored


def read_model(source: str | dict[str, Any]) -> ScoringModel:
    """Load a model from wherever, and refuse what no database keeps and no answer can tell. Raises `InvalidModel`.

    Takes up to seconds, as all does that is done with a whole model: not for the event loop.
    """
    model = load_model(source)
    try:
        check_values(model.model_dump(by_alias=True, exclude_unset=True), "The document")
    except InvalidMessage as error:
        raise InvalidModel((Fault("document", error.detail),)) from None
    return model


# --- Versions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Version:
    """A document under its number, and what became of it. `published_at` is the last time."""

    stored: ModelVersion
    state: State
    published_at: datetime | None

    @property
    def model(self) -> ScoringModel:
        """Takes its time, as all does that is done with a whole model: not for the event loop."""
        return load_model(self.stored.document)

    def compiled(self) -> CompiledModel:
        """Takes its time too."""
        return _compiled(self.stored)


async def get_version(database: Database, version: int | None) -> Version:
    """A version, the active one for None. Raises `NotFound`."""
    async with database.read() as connection:
        found = await _existing(connection, version if version is not None else await active_version(connection))
        return (await _with_states(connection, [found]))[0]


async def list_versions(database: Database, before: int | None, limit: int) -> list[Version]:
    """Versions from the latest down."""
    async with database.read() as connection:
        return await _with_states(connection, await model_store.page(connection, before, limit))


async def _with_states(connection: AsyncConnection, found: Sequence[ModelVersion]) -> list[Version]:
    rollouts = await rollout_store.list_all(connection)
    published = {rollout.version: rollout.published_at for rollout in rollouts}
    active = rollouts[-1].version if rollouts else None
    return [Version(each, _state(each.version, active, published), published.get(each.version)) for each in found]


def _state(version: int, active: int | None, published: dict[int, datetime]) -> State:
    if version == active:
        return "active"
    return "retired" if version in published else "draft"


async def draft(database: Database, model: ScoringModel, note: str | None, now: datetime) -> Version:
    """Keep a document as the next version. Nothing goes by it until it is published."""
    document = dump_model(model)

    async def keep(connection: AsyncConnection) -> Version:
        version = await model_store.insert(connection, document, note, now)
        return (await _with_states(connection, [await _existing(connection, version)]))[0]

    return await _retry_on_conflict(database, keep)


async def _retry_on_conflict(database: Database, job: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
    """Run a job in a transaction, and again where another came first, for what it read may have changed."""
    while True:
        try:
            async with database.write() as connection:
                return await job(connection)
        except Conflict:
            continue


# --- Publishing -------------------------------------------------------------------------------------------------


async def publish(database: Database, version: int, clock: Clock, *, notify: bool) -> Rollout:
    """Make a version the active model, and tell the rollout that this begins.

    Of the active one it is the rollout that made it so: nothing is begun anew. Raises `NotFound` or `ExamplesFailed`.
    """
    found = await get_version(database, version)
    await asyncio.to_thread(lambda: check_examples(found.model))
    async with database.read() as connection:
        leads = await lead_store.count_outdated(connection, version)

    async def make_active(connection: AsyncConnection) -> Rollout:
        latest = await rollout_store.latest(connection)
        return await _publish(connection, latest, version, clock(), notify=notify, leads=leads)

    return await _retry_on_conflict(database, make_active)


def check_examples(model: ScoringModel) -> None:
    """Raises `ExamplesFailed`, with every example that does not hold."""
    results = enumerate(run_examples(compile_model(model, version=0)))
    failed = [Fault(f"examples[{index}]", failure) for index, result in results for failure in result.failures]
    if failed:
        msg = "The model can't be published: its examples fail. Mend it, or what they expect, and post it as a draft."
        raise ExamplesFailed(msg, tuple(failed))


async def activate(
    database: Database, model: ScoringModel, clock: Clock, *, note: str | None = None, notify: bool = False
) -> Rollout:
    """Draft and publish a document in one. If it is active already, nothing changes. Raises `ExamplesFailed`."""
    await asyncio.to_thread(check_examples, model)
    document = dump_model(model)
    async with database.read() as connection:
        leads = await lead_store.count(connection)  # whatever the version will be, none has been evaluated by it

    async def make_active(connection: AsyncConnection) -> Rollout:
        latest = await rollout_store.latest(connection)
        if latest is not None and dumps((await _existing(connection, latest.version)).document) == dumps(document):
            return latest  # not by `==`: to Python, true is 1; to a condition it is not
        now = clock()
        version = await model_store.insert(connection, document, note, now)
        return await _publish(connection, latest, version, now, notify=notify, leads=leads)

    return await _retry_on_conflict(database, make_active)


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


def starter() -> ScoringModel:
    """The model that ships with leadscore."""
    return load_model(files("app.scoring").joinpath("starter.yaml").read_text(encoding="utf-8"))


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
