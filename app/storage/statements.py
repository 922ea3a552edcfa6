"""How the writer's statements are run: written once for each database, and given to PostgreSQL's driver directly.

What SQLAlchemy does around each execution costs more than the driver itself (docs/decisions/0014). It still writes
the statements, and runs them on SQLite.
"""

from collections import namedtuple
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from app.storage.db import BadValue, driver_of

Run = Callable[[AsyncConnection, Mapping[str, Any]], Awaitable[Sequence[Any]]]


class Statement:
    """A statement that `build` writes for a dialect. Run it inside `Database.read` or `Database.write`.

    Its parameters and its columns need names, each its own; many values are asked for by `any_of_param`.
    """

    def __init__(self, build: Callable[[Dialect], Any]) -> None:
        self._build = build
        self._written: dict[str, _Written] = {}  # by the dialect's name, for `Database` sets up all of one name alike

    async def rows(self, connection: AsyncConnection, **values: Any) -> Sequence[Any]:
        """The rows that it gives with these values for its parameters, as `row.column` and by position."""
        dialect = connection.dialect
        if dialect.name not in self._written:
            self._written[dialect.name] = _write(self._build(dialect), dialect)
        parameters, run = self._written[dialect.name]
        if values.keys() != parameters:
            msg = f"The statement takes {sorted(parameters)}, not {sorted(values)}."
            raise TypeError(msg)
        return await run(connection, values)


class _Written(NamedTuple):
    """The names of the values that a statement takes, and how it is run with them."""

    parameters: frozenset[str]
    run: Run


def _write(statement: Any, dialect: Dialect) -> _Written:
    compiled = statement.compile(dialect=dialect)
    parameters = frozenset(name for name, bind in compiled.binds.items() if bind.required)
    run = _through_asyncpg if dialect.name == "postgresql" else _through_sqlalchemy
    return _Written(parameters, run(statement, compiled))


def _through_sqlalchemy(statement: Any, _compiled: SQLCompiler) -> Run:
    async def run(connection: AsyncConnection, values: Mapping[str, Any]) -> Sequence[Any]:
        result = await connection.execute(statement, values)
        return result.all() if result.returns_rows else ()

    return run


def _through_asyncpg(statement: Any, compiled: SQLCompiler) -> Run:
    dialect, columns = compiled.dialect, statement.exported_columns
    if any(column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns):
        msg = f"SQLAlchemy would still have to read the value of one of {', '.join(map(str, columns))}."
        raise TypeError(msg)
    names = compiled.positiontup or ()
    types = [compiled.binds[name].type.dialect_impl(dialect) for name in names]
    writers = [kind.bind_processor(dialect) or _as_it_is for kind in types]
    text, defaults, parameters = str(compiled), compiled.params, list(zip(names, writers, strict=True))
    row = namedtuple("Row", [column.name for column in columns])  # type: ignore[misc]  # noqa: PYI024 - known only now

    async def run(connection: AsyncConnection, values: Mapping[str, Any]) -> Sequence[Any]:
        given = {**defaults, **values}
        try:
            arguments = [write(given[name]) for name, write in parameters]
        except orjson.JSONEncodeError as error:
            raise BadValue from error
        return [row._make(record) for record in await driver_of(connection).fetch(text, *arguments)]

    return run


def _as_it_is(value: Any) -> Any:
    return value
