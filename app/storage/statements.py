"""Running the most frequent statements: compiled once for each database, and passed directly to its driver.

SQLAlchemy's work around each execution costs more than the driver itself (docs/decisions/0014). It still compiles the
statements and converts values.
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
    """A statement that `build` creates for a dialect. Run it on a connection of `Database`.

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
            raise TypeError(f"The statement takes {sorted(parameters)}, not {sorted(values)}.")
        return await run(connection, values)


class _Compiled(NamedTuple):
    """The names of a statement's parameters, and the function that runs it."""

    parameters: frozenset[str]
    run: Run


def _compile(statement: Any, dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect)
    parameters = frozenset(name for name, bind in compiled.binds.items() if bind.required)
    run = _through_asyncpg if dialect.name == "postgresql" else _through_sqlite3
    return _Compiled(parameters, run(statement, compiled))


def _through_sqlite3(statement: Any, compiled: SQLCompiler) -> Run:
    text, write, read = str(compiled), _writer(compiled), _reader(statement, compiled.dialect)

    async def run(connection: AsyncConnection, values: Mapping[str, Any]) -> Sequence[Any]:
        # one call, because each is passed to the connection's thread and back
        records = await driver_of(connection).execute_fetchall(text, write(values))
        return [read(record) for record in records]

    return run


def _through_asyncpg(statement: Any, compiled: SQLCompiler) -> Run:
    columns = statement.exported_columns
    if any(_result_processors(statement, compiled.dialect)):
        raise TypeError(f"SQLAlchemy would have to convert the values of one of {', '.join(map(str, columns))}.")
    text, write, row = str(compiled), _writer(compiled), _row_class(statement)

    async def run(connection: AsyncConnection, values: Mapping[str, Any]) -> Sequence[Any]:
        return [row._make(record) for record in await driver_of(connection).fetch(text, *write(values))]

    return run


def _writer(compiled: SQLCompiler) -> Callable[[Mapping[str, Any]], list[Any]]:
    """Returns a function from values by name to the driver's arguments. Raises `BadValue`."""
    names, dialect = compiled.positiontup or (), compiled.dialect
    types = [compiled.binds[name].type.dialect_impl(dialect) for name in names]
    converters = [kind.bind_processor(dialect) or _as_it_is for kind in types]
    defaults, parameters = compiled.params, list(zip(names, converters, strict=True))

    def write(values: Mapping[str, Any]) -> list[Any]:
        given = {**defaults, **values}
        try:
            return [convert(given[name]) for name, convert in parameters]
        except orjson.JSONEncodeError as error:
            raise BadValue from error

    return write


def _reader(statement: Any, dialect: Dialect) -> Callable[[Sequence[Any]], Any]:
    """Returns a function from a record of the driver to a row with named columns."""
    row = _row_class(statement)
    converted = [(place, read) for place, read in enumerate(_result_processors(statement, dialect)) if read]

    def read(record: Sequence[Any]) -> Any:
        values = list(record)
        for place, convert in converted:
            values[place] = convert(values[place])
        return row._make(values)

    return read


def _result_processors(statement: Any, dialect: Dialect) -> list[Callable[[Any], Any] | None]:
    return [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in statement.exported_columns]


def _row_class(statement: Any) -> Any:
    return namedtuple("Row", [column.name for column in statement.exported_columns])  # noqa: PYI024 - known only now


def _as_it_is(value: Any) -> Any:
    return value
