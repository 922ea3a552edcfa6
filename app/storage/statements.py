"""Statements that every commit runs, each written once for each database.

SQLAlchemy writes them all. SQLite's it also runs. PostgreSQL's go to asyncpg, for what SQLAlchemy does around each one
costs several times as much as asyncpg itself (docs/decisions/0014).
"""

from collections import namedtuple
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.db import BadValue, driver_of

Run = Callable[[AsyncConnection, Mapping[str, Any]], Awaitable[Sequence[Any]]]


class Statement:
    """A statement with named parameters, which `build` writes for a dialect. It runs where `Database` has begun."""

    def __init__(self, build: Callable[[Dialect], Any]) -> None:
        self._build = build
        self._runs: dict[str, Run] = {}  # by the dialect's name, for `Database` sets up all of one name alike

    async def rows(self, connection: AsyncConnection, **values: Any) -> Sequence[Any]:
        """The rows that it gives with these values: tuples that tell their values by column, too."""
        dialect = connection.dialect
        run = self._runs.get(dialect.name)
        if run is None:
            way = _through_asyncpg if dialect.name == "postgresql" else _through_sqlalchemy
            run = self._runs[dialect.name] = way(self._build(dialect), dialect)
        return await run(connection, values)


def _through_sqlalchemy(statement: Any, _dialect: Dialect) -> Run:
    async def run(connection: AsyncConnection, values: Mapping[str, Any]) -> Sequence[Any]:
        result = await connection.execute(statement, values)
        return result.all() if result.returns_rows else ()

    return run


def _through_asyncpg(statement: Any, dialect: Dialect) -> Run:
    compiled = statement.compile(dialect=dialect)
    columns, names = statement.exported_columns, compiled.positiontup
    if any(column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns):
        msg = f"asyncpg gives the value of one of {', '.join(map(str, columns))} otherwise than its type does."
        raise TypeError(msg)
    types = [compiled.binds[name].type.dialect_impl(dialect) for name in names]
    writers = [kind.bind_processor(dialect) or _as_it_is for kind in types]
    text, defaults, parameters = str(compiled), compiled.params, list(zip(names, writers, strict=True))
    row = namedtuple("Row", [column.name for column in columns])  # type: ignore[misc]  # noqa: PYI024 - known only now

    async def run(connection: AsyncConnection, values: Mapping[str, Any]) -> Sequence[Any]:
        given = {**defaults, **values}
        try:
            arguments = [write(given[name]) for name, write in parameters]
        except TypeError as error:  # of what can't be written as JSON
            raise BadValue from error
        return [row._make(record) for record in await driver_of(connection).fetch(text, *arguments)]

    return run


def _as_it_is(value: Any) -> Any:
    return value
