"""Accounts in storage: what their leads add up to, how far that has been counted, and lists of accounts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.accounts import AccountKey, Rollup, parse_account_key
from app.storage.sql import UtcDateTime, any_of_values, insert_rows, or_error, upsert_rows
from app.storage.statements import Statement
from app.storage.tables import account_progress, accounts, groups, leads

ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Account:
    """An account, with what its leads add up to by a version of the model."""

    key: AccountKey
    rollup: Rollup
    model_version: int


async def save(connection: AsyncConnection, counted: Collection[Account]) -> None:
    """Insert or update accounts. Sorted, so that concurrent writers wait for each other instead of deadlocking."""
    rows = sorted(map(_to_row, counted), key=lambda row: str(row["key"]))
    await _SAVE.rows(connection, rows=rows)


_SAVE = Statement(partial(upsert_rows, accounts))


async def delete_many(connection: AsyncConnection, keys: Collection[AccountKey]) -> None:
    if keys:
        await connection.execute(delete(accounts).where(any_of_values(accounts.c.key, map(str, keys))))


async def delete_empty(connection: AsyncConnection) -> None:
    """Delete the accounts that no lead belongs to."""
    await connection.execute(delete(accounts).where(~exists().where(leads.c.account == accounts.c.key)))


async def get(connection: AsyncConnection, account_id: UUID) -> Account | None:
    row = (await connection.execute(select(accounts).where(accounts.c.id == account_id))).first()
    return None if row is None else _from_row(row)


async def keys_of(connection: AsyncConnection, ids: Collection[UUID]) -> set[AccountKey]:
    """The keys of those of these accounts that have been counted."""
    rows = await connection.execute(select(accounts.c.key).where(any_of_values(accounts.c.id, ids)))
    return set(map(parse_account_key, rows.scalars()))


# --- Their leads ------------------------------------------------------------------------------------------------


class MemberRow(NamedTuple):
    """A lead of an account. `stage` is named as in the version of the model that evaluated it.

    `scores`: an error if they can't be read.
    """

    lead_id: UUID
    stage: str
    model_version: int
    scores: Mapping[str, float] | Exception


async def members(connection: AsyncConnection, keys: Collection[AccountKey]) -> dict[AccountKey, list[MemberRow]]:
    """The leads of each of these accounts, for those that have any."""
    columns = (leads.c.account, leads.c.id, leads.c.stage, leads.c.model_version, or_error(leads.c.scores))
    query = select(*columns).where(leads.c.account.is_not(None), any_of_values(leads.c.account, map(str, keys)))
    found: dict[AccountKey, list[MemberRow]] = {}
    async for rows in (await connection.stream(query)).partitions(ROWS_AT_ONCE):  # so that other tasks get their turns
        for key, *lead in rows:
            found.setdefault(parse_account_key(key), []).append(MemberRow(*lead))
    return found


async def of_leads(connection: AsyncConnection, lead_ids: Collection[UUID]) -> set[AccountKey]:
    """The accounts that these leads belong to."""
    query = select(leads.c.account).where(any_of_values(leads.c.id, lead_ids), leads.c.account.is_not(None))
    return set(map(parse_account_key, (await connection.execute(query)).scalars()))


async def next_keys(connection: AsyncConnection, after: str | None, limit: int) -> list[AccountKey]:
    """The next accounts that have leads, in the order of their keys."""
    query = select(leads.c.account).where(leads.c.account.is_not(None)).distinct()
    if after is not None:
        query = query.where(leads.c.account > after)
    rows = await connection.execute(query.order_by(leads.c.account).limit(limit))
    return list(map(parse_account_key, rows.scalars()))


class Seen(NamedTuple):
    """When a lead of the account was first seen, and when one was last."""

    first_at: datetime | None
    last_at: datetime | None


async def seen(connection: AsyncConnection, keys: Collection[AccountKey]) -> dict[AccountKey, Seen]:
    first = func.min(leads.c.first_seen_at, type_=UtcDateTime)
    last = func.max(leads.c.last_seen_at, type_=UtcDateTime)
    is_wanted = leads.c.account.is_not(None), any_of_values(leads.c.account, map(str, keys))
    rows = await connection.execute(select(leads.c.account, first, last).where(*is_wanted).group_by(leads.c.account))
    return {parse_account_key(key): Seen(*times) for key, *times in rows}


# --- Progress ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress:
    """Accounts are counted up to this `position` in the feed; -1 if they have never been.

    While all of them are counted again, `target` is the position that this leads to, and `counted_to` the key of the
    last account that is done.
    """

    position: int = -1
    target: int | None = None
    counted_to: str | None = None


_PROGRESS = select(account_progress.c.position, account_progress.c.target, account_progress.c.counted_to)


async def progress(connection: AsyncConnection) -> Progress:
    row = (await connection.execute(_PROGRESS)).first()
    return Progress() if row is None else Progress(*row)


async def lock_progress(connection: AsyncConnection) -> Progress | None:
    """The progress, locked until the transaction ends; None if another process has locked it."""
    await _INSERT_PROGRESS.rows(connection, rows=[{"id": 1, "position": -1, "target": None, "counted_to": None}])
    row = (await connection.execute(_PROGRESS.with_for_update(skip_locked=True))).first()
    return None if row is None else Progress(*row)


_INSERT_PROGRESS = Statement(lambda dialect: insert_rows(account_progress, dialect).on_conflict_do_nothing())


async def record_progress(connection: AsyncConnection, reached: Progress) -> None:
    values = {"position": reached.position, "target": reached.target, "counted_to": reached.counted_to}
    await connection.execute(update(account_progress).values(values))


# --- Lists ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountScore:
    """A score of accounts: the highest of their leads, or the sum."""

    name: str
    is_sum: bool = False

    def of(self, rollup: Rollup) -> float:
        return (rollup.sums if self.is_sum else rollup.highest).get(self.name, 0.0)


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """Which accounts to list. None means no restriction. `prefix` is the beginning of a domain, group id or name."""

    stages: Sequence[str] | None = None
    min_scores: Mapping[AccountScore, float] | None = None
    prefix: str | None = None
    seen_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the last account's sort value and id."""

    value: float
    account_id: UUID


async def page(
    connection: AsyncConnection, wanted: AccountFilter, sort: AccountScore | None, after: Position | None, limit: int
) -> list[Account]:
    """Accounts in descending order of a score, or of how many leads they have, then of id."""
    query, value = _filtered(select(accounts), wanted), accounts.c.leads if sort is None else _value(sort)
    if after is not None:
        query = query.where((value < after.value) | ((value == after.value) & (accounts.c.id < after.account_id)))
    rows = await connection.execute(query.order_by(value.desc(), accounts.c.id.desc()).limit(limit))
    return [_from_row(row) for row in rows]


def _filtered(query: Select[Any], wanted: AccountFilter) -> Select[Any]:
    if wanted.stages is not None:
        query = query.where(any_of_values(accounts.c.stage, wanted.stages))
    for score, minimum in (wanted.min_scores or {}).items():
        query = query.where(_value(score) >= minimum)
    if wanted.prefix is not None:
        query = query.where(_begins_with(wanted.prefix.lower()))
    if wanted.seen_after is not None:
        # By day first, because that is what the index has.
        on_day = leads.c.last_seen_on >= wanted.seen_after.date()
        query = query.where(
            exists().where(leads.c.account == accounts.c.key, on_day, leads.c.last_seen_at > wanted.seen_after)
        )
    return query


def _value(score: AccountScore) -> Any:
    column = accounts.c.sums if score.is_sum else accounts.c.highest
    return func.coalesce(column[score.name].as_float(), 0.0)


def _begins_with(prefix: str) -> ColumnElement[bool]:
    name = func.lower(groups.c.traits[("name", 0)].as_string())
    named = select(groups.c.id).where(
        accounts.c.key == "group:" + groups.c.id, name.startswith(prefix, autoescape=True)
    )
    kinds = ("domain", "group")
    of_key = (func.lower(accounts.c.key).startswith(f"{kind}:{prefix}", autoescape=True) for kind in kinds)
    return or_(*of_key, named.exists())


# --- Rows -------------------------------------------------------------------------------------------------------


def _to_row(account: Account) -> dict[str, Any]:
    key, version = account.key, account.model_version
    return {"id": key.id, "key": str(key), **asdict(account.rollup), "model_version": version}


def _from_row(row: Any) -> Account:
    rollup = Rollup(
        leads=row.leads,
        stage=row.stage,
        stages=row.stages,
        highest=row.highest,
        leaders={name: UUID(lead_id) for name, lead_id in row.leaders.items()},
        sums=row.sums,
    )
    return Account(parse_account_key(row.key), rollup, row.model_version)
