"""Running queries whose rows have the fields of a dataclass, and the pages of lists."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select
from sqlalchemy.ext.asyncio import AsyncConnection

Item = TypeVar("Item")


async def fetch_all(connection: AsyncConnection, query: Select[Any], kind: Callable[..., Item]) -> list[Item]:
    return [kind(**row) for row in (await connection.execute(query)).mappings()]


async def fetch_first(connection: AsyncConnection, query: Select[Any], kind: Callable[..., Item]) -> Item | None:
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else kind(**row)


def latest_first(query: Select[Any], column: ColumnElement[Any], after: Any, limit: int) -> Select[Any]:
    """The page of a list that comes after an id in this column; the first page if `after` is None."""
    if after is not None:
        query = query.where(column < after)
    return query.order_by(column.desc()).limit(limit)
