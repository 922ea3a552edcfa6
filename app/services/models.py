"""Scoring models at work: the active one, compiled once, and making another one active."""

from datetime import datetime
from importlib.resources import files
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import NotFound
from app.scoring.document import ScoringModel
from app.scoring.engine import CompiledModel, compile_model
from app.scoring.model import dump_model, load_model
from app.storage import models as model_store
from app.storage.db import Conflict, Database


class ActiveModels:
    """Which model is active is asked in every transaction; a version, once compiled, never changes."""

    def __init__(self) -> None:
        self._compiled: dict[int, CompiledModel] = {}

    async def active(self, connection: AsyncConnection) -> CompiledModel:
        version = await model_store.active_version(connection)
        if version is None:
            msg = "There is no scoring model: run `leadscore model apply FILE`."
            raise NotFound(msg)
        return await self.version(connection, version)

    async def version(self, connection: AsyncConnection, version: int) -> CompiledModel:
        if version not in self._compiled:
            document = await model_store.document(connection, version)
            if document is None:
                msg = f"There is no version {version} of the scoring model."
                raise NotFound(msg)
            self._compiled[version] = compile_model(load_model(document), version)
        return self._compiled[version]


def starter() -> ScoringModel:
    """The model that ships with leadscore."""
    return load_model(files("app.scoring").joinpath("starter.yaml").read_text(encoding="utf-8"))


async def install_starter(database: Database, now: datetime) -> None:
    """Give a database that has no model the starter."""
    try:
        async with database.write() as connection:
            if await model_store.latest_publication(connection) == 0:
                await _publish(connection, dump_model(starter()), now, after=0)
    except Conflict:  # another replica has just done it
        return


async def activate(database: Database, model: ScoringModel, now: datetime) -> int:
    """Make a document the active model and tell its version. If it is active already, nothing changes."""
    document = dump_model(model)
    while True:
        try:
            async with database.write() as connection:
                latest = await model_store.latest_publication(connection)
                active = await model_store.active_version(connection)
                if active is not None and await model_store.document(connection, active) == document:
                    return active
                return await _publish(connection, document, now, after=latest)
        except Conflict:  # another has just been made active: it may be this very document
            continue


async def _publish(connection: AsyncConnection, document: dict[str, Any], now: datetime, after: int) -> int:
    version = await model_store.insert(connection, document, now)
    await model_store.publish(connection, version, now, after)
    return version
