"""Running queries whose rows have the fields of a dataclass, pages of lists, and rows that can't be read."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Select, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.sql import or_error

Item = TypeVar("Item")


class UnreadableRow(Exception):
    """A row is damaged; `__cause__` says how."""

    def __init__(self, table: str, row_id: object) -> None:
        super().__init__(f"{table}: {row_id}")
        self.table = table
        self.row_id = row_id


def check_row(row: Row[Any]) -> None:
    """Raises the first error that `or_error` has left in the row."""
    for value in row:
        if isinstance(value, Exception):
            raise value


async def fetch_all(connection: AsyncConnection, query: Select[Any], kind: Callable[..., Item]) -> list[Item]:
    return [kind(**row) for row in (await connection.execute(query)).mappings()]


async def fetch_first(connection: AsyncConnection, query: Select[Any], kind: Callable[..., Item]) -> Item | None:
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else kind(**row)


async def fetch_each(
    connection: AsyncConnection, table: Table, query: Select[Any], read: Callable[[Row[Any]], Item]
) -> list[Item | UnreadableRow]:
    """An item for each row of a table, or why it can't be read. An exception would keep all others from being read."""
    columns = map(or_error, query.selected_columns)
    rows = await connection.execute(query.with_only_columns(*columns, maintain_column_froms=True))
    return [_item_or_error(row, table, read) for row in rows]


async def fetch_each_as(
    connection: AsyncConnection, table: Table, query: Select[Any], kind: Callable[..., Item]
) -> list[Item | UnreadableRow]:
    """The same for rows that have the fields of a dataclass."""
    return await fetch_each(connection, table, query, lambda row: kind(**row._asdict()))


def _item_or_error(row: Row[Any], table: Table, read: Callable[[Row[Any]], Item]) -> Item | UnreadableRow:
    try:
        check_row(row)
        return read(row)
    except Exception as error:  # noqa: BLE001 - whatever a damaged value leads to
        (key,) = table.primary_key
        damage = UnreadableRow(table.name, getattr(row, key.name))
        damage.__cause__ = error
        return damage


def latest_first(query: Select[Any], column: ColumnElement[Any], after: Any, limit: int) -> Select[Any]:
    """The page of a list that comes after an id in this column; the first page if `after` is None."""
    if after is not None:
        query = query.where(column < after)
    return query.order_by(column.desc()).limit(limit)
