"""One interface to SQL that differs between SQLite and PostgreSQL: column types, and lists of values as parameters."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import (
    JSON,
    BindParameter,
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    FromClause,
    Integer,
    String,
    Table,
    TableValuedAlias,
    Text,
    TypeDecorator,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine

Value = TypeVar("Value")
TimeUnit = Literal["minute", "hour"]


class _AsText(TypeDecorator[Value]):
    """A type that SQLite lacks, stored there as text that sorts correctly, as written in JSON."""

    impl = String(36)
    cache_ok = True

    def __init__(self, write: Callable[[Value], str], read: Callable[[str], Value]) -> None:
        super().__init__()
        self.write = write
        self.read = read

    def process_bind_param(self, value: Value | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else self.write(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Value | None:  # noqa: ARG002
        return None if value is None else self.read(value)


def _utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


UtcDateTime = DateTime(timezone=True).with_variant(_AsText(_utc_text, datetime.fromisoformat), "sqlite")
"""A moment in UTC."""

Id = Uuid().with_variant(_AsText(str, UUID), "sqlite")
"""A UUID of version 7, which sorts by creation time."""


class _OrError(TypeDecorator[Any]):
    """Values of another type, with an error in the place of each that can't be read."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: TypeEngine[Any]) -> None:
        super().__init__()
        self.kind = kind

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:  # noqa: ARG002
        return self.kind

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        read = self.kind.dialect_impl(dialect).result_processor(dialect, coltype)
        if read is None:
            return None

        def read_or_error(value: Any) -> Any:
            try:
                return read(value)
            except (TypeError, ValueError) as error:
                return error

        return read_or_error


def or_error(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column with an error in the place of each value that can't be read: one would keep all rows from being read.

    That happens on SQLite alone, which stores JSON and times as any text.
    """
    return type_coerce(column, _OrError(column.type)).label(column.name)


class _IfValid(FunctionElement[Any]):
    type = JSON()
    inherit_cache = True


@compiles(_IfValid, "postgresql")
def _as_it_is(element: _IfValid, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_IfValid, "sqlite")
def _null_if_invalid(element: _IfValid, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.clauses, **options)
    return f"CASE WHEN json_valid({column}) THEN {column} END"


def if_valid(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A JSON column, with null in the place of what is no JSON, which SQLite stores, but can't look into."""
    return _IfValid(column)


class OrderedJson(TypeDecorator[Any]):
    """JSON that keeps the order of its keys, for documents that people write."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002
        return orjson.dumps(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else orjson.loads(value)


class LongJson(JSON):
    """JSON that may be long: in the rows of `rows_param_table`, it is the text that `dumps` makes.

    PostgreSQL then parses it once. It would parse a nested value three times: in the parameter, in its row, by itself.
    """


def dumps(value: Any) -> str:
    """JSON for storage, with sorted keys, so that equal values have equal bytes."""
    return orjson.dumps(value, _id_text, orjson.OPT_SORT_KEYS).decode()


def _id_text(value: Any) -> str:
    if isinstance(value, UUID):  # asyncpg has its own subclass, which orjson does not know
        return str(value)
    raise TypeError


def insert_rows(table: Table, dialect: Dialect) -> Any:
    """`INSERT … SELECT` of the rows in the parameter `rows`, a list of mappings by column, in their order.

    Any number of rows is one parameter, so the statement is prepared only once. It is of the dialect's own class, so
    that `on_conflict_…` and `returning` can be added.
    """
    insert = sqlite.insert(table) if dialect.name == "sqlite" else postgresql.insert(table)
    # WHERE, because without it SQLite parses ON CONFLICT as a join's condition
    return insert.from_select(table.c.keys(), select(*rows_param_table(table.c, dialect).c).where(text("true")))


def upsert_rows(table: Table, dialect: Dialect) -> Any:
    """The same, but a row whose primary key there is already gets the new values. Other keys never change."""
    insert = insert_rows(table, dialect)
    values = {each.name: insert.excluded[each.name] for each in table.c if not (each.primary_key or each.unique)}
    return insert.on_conflict_do_update(index_elements=table.primary_key, set_=values)


def rows_param_table(columns: Iterable[Column[Any]], dialect: Dialect) -> FromClause:
    """The parameter `rows`, a list of mappings by column, as a table within one statement."""
    rows, typed = bindparam("rows", type_=JSON), [Column(column.name, column.type) for column in columns]
    if dialect.name == "sqlite":
        each = func.json_each(rows).table_valued("value")
        values = [func.json_extract(each.c.value, f"$.{column.name}").label(column.name) for column in typed]
        return select(*values).subquery()
    passed = [Column(each.name, Text) if isinstance(each.type, LongJson) else each for each in typed]
    table = func.json_to_recordset(rows).table_valued(*passed).render_derived(with_types=True)
    return select(*[cast(table.c[each.name], each.type).label(each.name) for each in typed]).subquery()


def rewrites_all_indexes(dialect: Dialect) -> bool:
    """Whether an UPDATE of a column rewrites its entries in indexes even if the value is the same."""
    return dialect.name == "sqlite"


class _ListOf(TypeDecorator[Sequence[Any]]):
    """Values of one type as one parameter: an array, or JSON in SQLite."""

    impl = JSON
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(JSON() if dialect.name == "sqlite" else postgresql.ARRAY(self.item))


class _AnyOf(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> Any:  # noqa: ARG002
        return self  # SQLite has no booleans: it would become `… = 1`, which can't use an index


@compiles(_AnyOf, "postgresql")
def _any_of_array(element: _AnyOf, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **options)} = ANY ({compiler.process(values, **options)})"


@compiles(_AnyOf, "sqlite")
def _any_of_json(element: _AnyOf, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    listed = compiler.process(values, **options)
    return f"{compiler.process(column, **options)} IN (SELECT value FROM json_each({listed}))"  # noqa: S608 - a placeholder


def any_of_values(column: ColumnElement[Value], values: Iterable[Value]) -> ColumnElement[bool]:
    """Whether a column holds one of these values.

    Any number of values is one parameter. `IN` would have one for each: drivers allow only about 30,000, and each
    length would be another statement to prepare.
    """
    return _AnyOf(column, literal(list(values), _ListOf(column.type)))


def any_of_param(column: ColumnElement[Value], name: str) -> ColumnElement[bool]:
    """The same for the values of a `Statement`'s parameter."""
    return _AnyOf(column, bindparam(name, type_=_ListOf(column.type)))


class _StartsWith(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> Any:  # noqa: ARG002
        return self  # as for _AnyOf


@compiles(_StartsWith, "postgresql")
def _starts_with_by_bytes(element: _StartsWith, compiler: SQLCompiler, **options: Any) -> str:
    column, first, last = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} ~>=~ {first} AND {column} ~<=~ {last})"


@compiles(_StartsWith, "sqlite")
def _starts_with(element: _StartsWith, compiler: SQLCompiler, **options: Any) -> str:
    column, first, last = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} >= {first} AND {column} <= {last})"


def starts_with(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """Whether a text begins with a prefix, exactly. On PostgreSQL, its index needs the class `text_pattern_ops`."""
    return _StartsWith(column, literal(prefix, column.type), literal(f"{prefix}\U0010ffff", column.type))


class _Week(FunctionElement[date]):
    type = Date()
    inherit_cache = True


@compiles(_Week, "postgresql")
def _week_by_counting(element: _Week, compiler: SQLCompiler, **options: Any) -> str:
    # The year 1 began on a Monday. `date_trunc` is slower: it goes through times in the session's time zone.
    day = compiler.process(element.clauses, **options)
    return f"({day} - ({day} - DATE '0001-01-01') % 7)"


@compiles(_Week, "sqlite")
def _week_by_modifiers(element: _Week, compiler: SQLCompiler, **options: Any) -> str:
    # The Monday that is not before the day six days earlier.
    return f"date({compiler.process(element.clauses, **options)}, '-6 days', 'weekday 1')"


def week_of(day: ColumnElement[Any]) -> ColumnElement[date]:
    """The Monday of the week of a day."""
    return _Week(day)


def start_of(unit: TimeUnit, moment: ColumnElement[datetime], dialect: Dialect) -> ColumnElement[datetime]:
    """The beginning of the minute or hour of a moment."""
    if dialect.name != "sqlite":
        return func.date_trunc(literal_column(f"'{unit}'"), moment, type_=UtcDateTime)
    length, rest = (16, ":00+00:00") if unit == "minute" else (13, ":00:00+00:00")
    return type_coerce(func.substr(moment, 1, length, type_=String) + rest, UtcDateTime)


_ITEM = (Column("key", String), Column("value", JSON))


def object_items(
    column: ColumnElement[Any], key: BindParameter[str], dialect: Dialect, *, checked: bool = False
) -> TableValuedAlias:
    """The object under a key of a JSON column as a table of `key`, a text, and `value`; empty if there is none.

    `checked`: empty as well if there is something else, or if the column holds no JSON.
    """
    if dialect.name == "sqlite":
        path = literal('$."') + key + '"'
        return func.json_each(if_valid(column) if checked else column, path).table_valued(*_ITEM)
    found = column.op("->", return_type=JSON())(key)
    return func.json_each(_if_object(found, dialect) if checked else found).table_valued(*_ITEM)


def nested_items(
    column: ColumnElement[Any], dialect: Dialect, *, checked: bool = False
) -> tuple[TableValuedAlias, TableValuedAlias]:
    """A JSON column's object of objects as two tables: its keys and, to be joined with them, the items under each.

    `checked`: without what is no object.
    """
    outer = func.json_each(_if_object(column, dialect) if checked else column).table_valued(*_ITEM)
    inner = _if_object(outer.c.value, dialect) if checked else outer.c.value
    return outer, func.json_each(inner).table_valued(*_ITEM)


def _if_object(value: ColumnElement[Any], dialect: Dialect) -> ColumnElement[Any]:
    """A value of JSON, or null if it is no object."""
    if dialect.name == "sqlite":  # in two steps, because `json_type` fails for what is no JSON
        return case((func.json_type(if_valid(value)) == "object", value))
    return case((func.json_typeof(value) == "object", value))


def json_list(column: ColumnElement[Any], dialect: Dialect) -> ColumnElement[Any]:
    """An aggregate: a column's values as a JSON list, null or empty if there are none."""
    aggregate = func.json_group_array if dialect.name == "sqlite" else func.json_agg
    return aggregate(column, type_=JSON())


def list_items(column: ColumnElement[Any], dialect: Dialect) -> TableValuedAlias:
    """The texts in a JSON column's list as a table with one column, `value`."""
    if dialect.name == "sqlite":
        return func.json_each(column).table_valued(Column("value", String))
    return func.json_array_elements_text(column).table_valued(Column("value", String))


def numbered_items(
    column: ColumnElement[Any], dialect: Dialect, *, checked: bool = False
) -> tuple[TableValuedAlias, ColumnElement[int], ColumnElement[int]]:
    """The numbers in a JSON column's list: a table, and its columns of their places, from 0 on, and of the numbers.

    A number by itself is read as a list of one. `checked`: without what is no whole number.
    """
    if dialect.name == "sqlite":
        listed = if_valid(column) if checked else column
        each = func.json_each(listed).table_valued(Column("key", Integer), Column("value", Integer))
        # To SQLite, any text is more than any number.
        return each, func.coalesce(each.c.key, 0), case((func.typeof(each.c.value) == "integer", each.c.value))
    as_list = case((func.json_typeof(column) == "array", column), else_=func.json_build_array(column))
    each = func.json_array_elements_text(as_list).table_valued(Column("value", String), with_ordinality="number")
    each = each.render_derived()
    number: ColumnElement[int] = cast(each.c.value, Integer)
    if checked:
        number = case((each.c.value.op("~", is_comparison=True)(literal_column(r"'^-?\d{1,9}$'")), number))
    return each, cast(each.c.number, Integer) - 1, number


def json_items(column: ColumnElement[Any], dialect: Dialect) -> TableValuedAlias:
    """The items of a JSON column's list, which may be lists or objects, as a table with one column, `value`."""
    each = func.json_each if dialect.name == "sqlite" else func.json_array_elements
    return each(column).table_valued(Column("value", JSON))


def day_after(
    text_column: ColumnElement[str], days: ColumnElement[int], dialect: Dialect, *, checked: bool = False
) -> ColumnElement[date]:
    """A number of days after a day written as in JSON, such as 2026-03-31.

    `checked`: null if it isn't written so.
    """
    if dialect.name == "sqlite":
        return func.date(text_column, cast(days, String) + " days", type_=Date)
    if not checked:
        return cast(text_column, Date).op("+", return_type=Date())(days)
    # By the first of the month, because there may be no such day.
    month = cast(func.left(text_column, 8) + "01", Date)
    days = cast(func.right(text_column, 2), Integer) - 1 + days
    is_day = text_column.op("~", is_comparison=True)(literal_column(r"'^[12]\d{3}-(0[1-9]|1[0-2])-[0-3]\d$'"))
    return case((is_day, month.op("+", return_type=Date())(days)))
