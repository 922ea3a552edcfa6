"""Running the writer's statements: compiled once for each database, and passed directly to PostgreSQL's driver.

SQLAlchemy's work around each execution costs more than the driver itself (docs/decisions/0014). It still compiles the
statements, and runs them on SQLite.
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
    """A statement that `build` creates for a dialect. Run it inside `Database.read` or `Database.write`.

    Its parameters and columns need unique names. For a list of values, use `any_of_param`.
    """

    def __init__(self, build: Callable[[Dialect], Any]) -> None:
        self._build = build
        self._compiled: dict[str, _Compiled] = {}  # by dialect name: `Database` sets up all of one name alike

    async def rows(self, connection: AsyncConnection, **values: Any) -> Sequence[Any]:
        """Run it with these values for its parameters. Returned rows have named columns, also by position."""
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = _compile(self._build(dialect), dialect)
        parameters, run = self._compiled[dialect.name]
        if values.keys() != parameters:
            msg = f"The statement takes {sorted(parameters)}, not {sorted(values)}."
            raise TypeError(msg)
        return await run(connection, values)


class _Compiled(NamedTuple):
    """The names of a statement's parameters, and the function that runs it."""

    parameters: frozenset[str]
    run: Run


def _compile(statement: Any, dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect)
    parameters = frozenset(name for name, bind in compiled.binds.items() if bind.required)
    run = _through_asyncpg if dialect.name == "postgresql" else _through_sqlalchemy
    return _Compiled(parameters, run(statement, compiled))


def _through_sqlalchemy(statement: Any, _compiled: SQLCompiler) -> Run:
    async def run(connection: AsyncConnection, values: Mapping[str, Any]) -> Sequence[Any]:
        result = await connection.execute(statement, values)
        return result.all() if result.returns_rows else ()

    return run


def _through_asyncpg(statement: Any, compiled: SQLCompiler) -> Run:
    dialect, columns = compiled.dialect, statement.exported_columns
    if any(column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns):
        msg = f"SQLAlchemy would have to convert the values of one of {', '.join(map(str, columns))}."
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
