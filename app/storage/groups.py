"""Groups in storage: the traits that group messages give them."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.facts import Facts
from app.storage.facts import traits_from_json, traits_to_json
from app.storage.sql import any_of_param, any_of_values, insert_rows, upsert_rows
from app.storage.statements import Statement
from app.storage.tables import groups


async def lock(connection: AsyncConnection, ids: Collection[str]) -> dict[str, Facts]:
    """The traits of each group, locked until the transaction ends. A group that is new is inserted without traits.

    Sorted, so that concurrent writers wait for each other instead of deadlocking.
    """
    await _INSERT.rows(connection, rows=[_to_row(group_id, Facts()) for group_id in sorted(ids)])
    rows = await _LOCK.rows(connection, ids=list(ids))
    return {row.id: from_columns(row) for row in rows}


_INSERT = Statement(lambda dialect: insert_rows(groups, dialect).on_conflict_do_nothing())
_LOCK = Statement(
    lambda _: select(groups).where(any_of_param(groups.c.id, "ids")).order_by(groups.c.id).with_for_update()
)


async def save(connection: AsyncConnection, changed: Mapping[str, Facts]) -> None:
    """Store the traits of locked groups."""
    await _SAVE.rows(connection, rows=[_to_row(group_id, facts) for group_id, facts in changed.items()])


_SAVE = Statement(partial(upsert_rows, groups))


async def delete_many(connection: AsyncConnection, ids: Collection[str]) -> None:
    await connection.execute(delete(groups).where(any_of_values(groups.c.id, ids)))


async def get_many(connection: AsyncConnection, ids: Collection[str]) -> dict[str, Facts]:
    """The traits of those of these groups that are known."""
    if not ids:
        return {}
    rows = await connection.execute(select(groups).where(any_of_values(groups.c.id, ids)))
    return {row.id: from_columns(row) for row in rows}


def _to_row(group_id: str, facts: Facts) -> dict[str, Any]:
    return {"id": group_id, **to_columns(facts)}


def to_columns(facts: Facts) -> dict[str, Any]:
    return {name: traits_to_json(getattr(facts, name)) for name in ("traits", "trusted_traits")}


def from_columns(row: Any) -> Facts:
    return Facts(traits=traits_from_json(row.traits), trusted_traits=traits_from_json(row.trusted_traits))
