"""Activity in storage: how many messages came in each minute or hour from each source, and what became of them.

Accepted and refused messages are counted from their own rows. Duplicates leave none, so their numbers are stored here.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, case, delete, func, literal_column, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.sql import TimeUnit, start_of
from app.storage.tables import duplicates, events, rejections

Result = Literal["accepted", "duplicate", "rejected", "quarantined"]


class Amount(NamedTuple):
    """How many messages of a source had a result in the minute or hour that begins at `start`."""

    start: datetime
    source: str
    result: Result
    messages: int


async def insert_duplicates(connection: AsyncConnection, found: Mapping[str, int], now: datetime) -> None:
    """`found`: how many duplicates this transaction found, by source."""
    if found:
        rows = [{"received_at": now, "source": source, "messages": count} for source, count in found.items()]
        await connection.execute(duplicates.insert(), rows)


async def amounts(
    connection: AsyncConnection, since: datetime, until: datetime, unit: TimeUnit, quarantined: Collection[str]
) -> list[Amount]:
    """All amounts that are not 0, in order. `since` is included, `until` is not.

    `quarantined`: the codes of rejections that count as quarantined.
    """

    def counted(table: Table, result: Any, messages: ColumnElement[int]) -> Select[Any]:
        received_at, source = table.c.received_at, table.c.source
        start = start_of(unit, received_at, connection.dialect).label("start")
        columns = (start, source, result.label("result"), messages.label("messages"))
        within = (received_at >= since, received_at < until)
        return select(*columns).where(*within).group_by("start", source, "result")

    is_quarantined = rejections.c.code.in_(sorted(quarantined))
    refusal = case((is_quarantined, literal_column("'quarantined'")), else_=literal_column("'rejected'"))
    together = union_all(
        counted(events, literal_column("'accepted'"), func.count()),
        counted(duplicates, literal_column("'duplicate'"), func.sum(duplicates.c.messages)),
        counted(rejections, refusal, func.count()),
    ).order_by("start", "source", "result")
    return [Amount(*row) for row in await connection.execute(together)]


async def prune_duplicates(connection: AsyncConnection, before: datetime) -> int:
    """Delete the numbers of duplicates from before a moment."""
    return (await connection.execute(delete(duplicates).where(duplicates.c.received_at < before))).rowcount
