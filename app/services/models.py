"""Scoring models and their versions. Making one the active model is in `publishing`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from itertools import pairwise
from json import JSONDecodeError
from typing import Any, Literal, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import DamagedModel, InvalidMessage, NotFound
from app.protocol.values import check_values
from app.scoring.document import ScoringModel
from app.scoring.engine import CompiledModel, compile_model
from app.scoring.matching import renamed_stages
from app.scoring.model import dump_model, dump_yaml, load_model
from app.services.conflicts import Conflicts
from app.services.pages import Page, fetch_page
from app.storage import models as model_store
from app.storage import rollouts as rollout_store
from app.storage.db import Conflict, Database
from app.storage.models import ModelVersion
from app.storage.rollouts import Rollout
from app.validation.faults import Fault, InvalidModel

Result = TypeVar("Result")

State = Literal["draft", "active", "retired"]

log = structlog.get_logger()


class ActiveModels:
    """Reads the active version in every transaction and caches compiled versions, which never change."""

    def __init__(self) -> None:
        self._compiled: dict[int, CompiledModel] = {}
        self._renamed: dict[tuple[int, int], tuple[CompiledModel, Mapping[str, str]]] = {}

    async def active(self, connection: AsyncConnection) -> CompiledModel:
        return await self.version(connection, await active_version(connection))

    async def for_commit(self, connection: AsyncConnection) -> tuple[CompiledModel, int | None]:
        """The active model, and the id of the newest suppression, in one query."""
        found = await rollout_store.active(connection)
        return await self.version(connection, _existing(found.version)), found.newest_suppression

    def known(self, version: int | None) -> CompiledModel | None:
        """A version that was compiled before."""
        return None if version is None else self._compiled.get(version)

    async def version(self, connection: AsyncConnection, version: int) -> CompiledModel:
        """Raises `NotFound` or `DamagedModel`."""
        if version not in self._compiled:
            stored = await get_stored(connection, version)
            self._compiled[version] = await asyncio.to_thread(_compiled, stored)
        return self._compiled[version]

    async def stage_names(self, models: Sequence[CompiledModel]) -> dict[str, str]:
        """Map the first model's stage names to the last model's, where each model succeeds the one before it."""
        names = {stage.name: stage.name for stage in models[0].stages}
        for before, after in pairwise(models):
            if before is after:
                continue
            renamed = await self._renamed_stages(before, after)
            names = {first: renamed.get(name, name) for first, name in names.items()}
        return names

    async def _renamed_stages(self, before: CompiledModel, after: CompiledModel) -> Mapping[str, str]:
        key = before.version, after.version
        cached = self._renamed.get(key)
        if cached is None or cached[0] is not after:  # candidates that were never stored share version 0
            cached = after, await asyncio.to_thread(renamed_stages, before.document, after.document)
            self._renamed[key] = cached
        return cached[1]


def _compiled(stored: ModelVersion) -> CompiledModel:
    return compile_model(_loaded(stored.document, stored.version), stored.version)


def _loaded(document: dict[str, Any], version: int) -> ScoringModel:
    """Raises `DamagedModel`."""
    try:
        return load_model(document)
    except Exception as error:
        raise damaged(version, error) from error


def damaged(version: int, error: Exception) -> DamagedModel:
    log.error("model can't be loaded", version=version, exc_info=error)
    return DamagedModel(version)


async def active_version(connection: AsyncConnection) -> int:
    return _existing(await rollout_store.active_version(connection))


def _existing(version: int | None) -> int:
    if version is None:
        raise NotFound("There is no scoring model: run `leadscore model publish FILE`.")
    return version


async def get_stored(connection: AsyncConnection, version: int) -> ModelVersion:
    """Raises `NotFound` or `DamagedModel`."""
    try:
        stored = await model_store.get(connection, version)
    except JSONDecodeError as error:
        raise damaged(version, error) from error
    if stored is None:
        raise NotFound(f"There is no version {version} of the scoring model: list the versions to see which exist.")
    return stored


def read_model(source: str | dict[str, Any]) -> ScoringModel:
    """Load a model from YAML or a document. Raises `InvalidModel`, also for values that databases or JSON can't hold.

    Blocking, up to several seconds, like everything that handles a whole model: call it in a thread.
    """
    model = load_model(source)
    try:
        check_values(model.model_dump(by_alias=True, exclude_unset=True), "The document")
    except InvalidMessage as error:
        raise InvalidModel((Fault("document", error.detail),)) from None
    return model


@dataclass(frozen=True, slots=True)
class WrittenModel:
    """A model and, if it was written in YAML, its text."""

    model: ScoringModel
    text: str | None


def read_written(source: str | dict[str, Any]) -> WrittenModel:
    """The same as `read_model`, with the text."""
    return WrittenModel(read_model(source), source if isinstance(source, str) else None)


def starter() -> ScoringModel:
    """The model that ships with leadscore."""
    return load_model(starter_text())


def starter_text() -> str:
    return files("app.scoring").joinpath("starter.yaml").read_text(encoding="utf-8")


# --- Versions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Version:
    """A stored document and its state. `published_at`: when it was last published, None for a draft.

    `created_by` and `published_by` are names of keys; None for the command line. `text` is None if it was not YAML.
    """

    number: int
    document: dict[str, Any]
    text: str | None
    note: str | None
    created_at: datetime
    created_by: str | None
    state: State
    published_at: datetime | None
    published_by: str | None

    def as_yaml(self) -> str:
        """The text as it was written or, failing that, the document in YAML. Blocking like `load`."""
        return self.text if self.text is not None else dump_yaml(self.load())

    def load(self) -> ScoringModel:
        """Blocking, up to several seconds: call it in a thread. Raises `DamagedModel`."""
        return _loaded(self.document, self.number)

    def compile(self) -> CompiledModel:
        """Blocking, up to several seconds: call it in a thread."""
        return compile_model(self.load(), self.number)


async def get_version(database: Database, version: int | None) -> Version:
    """A version; None gets the active one. Raises `NotFound`."""
    async with database.read() as connection:
        stored = await get_stored(connection, version if version is not None else await active_version(connection))
        return (await _with_states(connection, [stored]))[0]


async def compile_any(database: Database, wanted: int | Literal["active"] | dict[str, Any]) -> CompiledModel:
    """A version of the model, or a whole document. Raises `DamagedModel`, `InvalidModel` or `NotFound`."""
    if isinstance(wanted, dict):
        return await asyncio.to_thread(lambda: compile_model(read_model(wanted), version=0))
    version = await get_version(database, None if wanted == "active" else wanted)
    return await asyncio.to_thread(version.compile)


async def list_versions(database: Database, before: int | None, limit: int) -> Page[Version]:
    """Versions, the latest first, starting below `before`."""
    async with database.read() as connection:
        page = await fetch_page(lambda count: model_store.page(connection, before, count), limit)
        versions = await _with_states(connection, page.items)
    return Page(versions, versions[-1] if page.last else None)


async def _with_states(connection: AsyncConnection, versions: Sequence[ModelVersion]) -> list[Version]:
    rollouts = await rollout_store.list_all(connection)
    published = {rollout.version: rollout for rollout in rollouts}
    active = rollouts[-1].version if rollouts else None
    return [_with_state(each, active, published.get(each.version)) for each in versions]


def _with_state(stored: ModelVersion, active: int | None, published: Rollout | None) -> Version:
    return Version(
        number=stored.version,
        document=stored.document,
        text=stored.text,
        note=stored.note,
        created_at=stored.created_at,
        created_by=stored.created_by,
        state="active" if stored.version == active else "draft" if published is None else "retired",
        published_at=published.published_at if published else None,
        published_by=published.published_by if published else None,
    )


async def draft(
    database: Database,
    model: ScoringModel,
    note: str | None,
    now: datetime,
    *,
    text: str | None = None,
    author: str | None = None,
) -> Version:
    """Store a document as the next version. It has no effect until it is published."""
    document = dump_model(model)

    async def insert(connection: AsyncConnection) -> Version:
        version = await model_store.insert(connection, document, now, text=text, note=note, author=author)
        return (await _with_states(connection, [await get_stored(connection, version)]))[0]

    return await retry_on_conflict(database, insert)


async def retry_on_conflict(database: Database, job: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
    """Run a job in a transaction; on a conflict, run it again, because what it read may have changed.

    Raises `Unavailable` if it conflicts every time.
    """
    conflicts = Conflicts()
    while True:
        try:
            async with database.write() as connection:
                return await job(connection)
        except Conflict as conflict:
            conflicts.add(conflict)
