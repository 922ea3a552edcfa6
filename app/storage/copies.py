"""Copying all rows of one database into another of either kind, and comparing what both hold."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from sqlalchemy import Dialect, RowMapping, Table, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.sql import dumps
from app.storage.tables import feed, metadata

ROWS_AT_ONCE = 1_000
HASH_BYTES = 16
TABLES: Sequence[Table] = metadata.sorted_tables
"""A table follows those that it refers to."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a table holds, whatever the database and the order of its rows: how many, and the sum of their hashes."""

    rows: int
    digest: int


async def content(connection: AsyncConnection, table: Table) -> Content:
    count, digest = 0, 0
    async for rows in _chunks(connection, table):
        count += len(rows)
        digest += sum(map(_hash, rows))
    return Content(count, digest % 256**HASH_BYTES)


def _hash(row: RowMapping) -> int:
    return int.from_bytes(blake2b(dumps(list(row.values())).encode(), digest_size=HASH_BYTES).digest())


async def used_tables(connection: AsyncConnection) -> list[str]:
    """The tables that hold something, besides what the migrations put there."""
    found = []
    for table in TABLES:
        rows = select(table).where(feed.c.last_position > 0) if table is feed else select(table)
        if await connection.scalar(select(rows.exists())):
            found.append(table.name)
    return found


async def copy_rows(source: AsyncConnection, target: AsyncConnection) -> None:
    """Fill the target, whose tables must be unused. Its transaction has to be committed afterwards."""
    await target.execute(feed.delete())
    await _defer_references(target)
    for table in TABLES:
        async for rows in _chunks(source, table):
            await target.execute(insert(table), list(map(dict, rows)))
        await _continue_numbers(target, table)
    await _check_references(target)


async def _chunks(connection: AsyncConnection, table: Table) -> AsyncIterator[Sequence[RowMapping]]:
    stream = (await connection.stream(select(table))).mappings()
    async for rows in stream.partitions(ROWS_AT_ONCE):
        yield rows


async def _continue_numbers(connection: AsyncConnection, table: Table) -> None:
    """Let PostgreSQL number later rows after the copied ones. SQLite does so by itself."""
    column = table.autoincrement_column
    if column is None or _is_sqlite(connection.dialect):
        return
    sequence = func.pg_get_serial_sequence(table.name, column.name)
    await connection.execute(select(func.setval(sequence, func.max(column))).where(column.is_not(None)))


# --- References within a table ------------------------------------------------------------------------------------
# A merged lead may come before the one that it was merged into, so references are checked at the end.


async def _defer_references(connection: AsyncConnection) -> None:
    if _is_sqlite(connection.dialect):
        await connection.execute(text("PRAGMA defer_foreign_keys = ON"))
    else:
        await _alter_references(connection, "DEFERRABLE INITIALLY DEFERRED")


async def _check_references(connection: AsyncConnection) -> None:
    if not _is_sqlite(connection.dialect):
        await connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        await _alter_references(connection, "NOT DEFERRABLE")


async def _alter_references(connection: AsyncConnection, how: str) -> None:
    for table in TABLES:
        for key in table.foreign_key_constraints:
            if key.referred_table is table:
                await connection.execute(text(f'ALTER TABLE {table.name} ALTER CONSTRAINT "{key.name}" {how}'))


def _is_sqlite(dialect: Dialect) -> bool:
    return dialect.name == "sqlite"
