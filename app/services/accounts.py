"""Account queries: what the leads of an organisation add up to, and lists of organisations."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import NotFound, ValidationFailed
from app.scoring.accounts import AccountKey
from app.scoring.engine import CompiledModel
from app.scoring.facts import Facts
from app.services.models import ActiveModels
from app.services.pages import fetch_page
from app.storage import accounts as account_store
from app.storage import groups as group_store
from app.storage.accounts import Account, AccountFilter, AccountScore, Position, Seen
from app.storage.db import Database
from app.validation.faults import Fault
from app.validation.names import unknown_names

UNSEEN = Seen(None, None)


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account. `position`: the changes up to this one in the feed are counted; `seen` and `traits` are as of now.

    `traits`: what group messages said of it; empty for an account that is only a domain.
    """

    account: Account
    traits: Mapping[str, Any]
    seen: Seen
    position: int
    as_of: datetime


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """Which accounts to list. They are sorted by a score, or by how many leads they have."""

    wanted: AccountFilter
    sort: AccountScore | None = None


async def read_account(database: Database, models: ActiveModels, account_id: UUID, now: datetime) -> AccountView:
    """Raises `NotFound`."""
    async with database.read() as connection:
        account = await account_store.get(connection, account_id)
        if account is None:
            raise NotFound(f"There is no account {account_id}. A new one appears once its first lead has been counted.")
        return (await _views(connection, models, [account], now))[0]


async def read_accounts(
    database: Database, models: ActiveModels, query: AccountQuery, after: Position | None, limit: int, now: datetime
) -> tuple[list[AccountView], Position | None]:
    """A page of accounts and the position at which it ends, None on the last page. Raises `ValidationFailed`."""
    async with database.read() as connection:
        if faults := tuple(_faults(await models.active(connection), query)):
            raise ValidationFailed.of(*faults)
        page = await fetch_page(
            lambda count: account_store.page(connection, query.wanted, query.sort, after, count), limit
        )
        return await _views(connection, models, page.items, now), _position(page.last, query.sort)


def _position(last: Account | None, sort: AccountScore | None) -> Position | None:
    if last is None:
        return None
    return Position(last.rollup.leads if sort is None else sort.of(last.rollup), last.key.id)


async def _views(
    connection: AsyncConnection, models: ActiveModels, accounts: Sequence[Account], now: datetime
) -> list[AccountView]:
    keys = [account.key for account in accounts]
    seen = await account_store.seen(connection, keys)
    trusted = (await models.active(connection)).trusted_traits
    groups = await group_store.get_many(connection, _group_ids(keys))
    position = (await account_store.progress(connection)).position
    return [
        AccountView(
            account=account,
            traits=groups.get(account.key.value, Facts()).known_traits(trusted) if account.key.kind == "group" else {},
            seen=seen.get(account.key, UNSEEN),
            position=position,
            as_of=now,
        )
        for account in accounts
    ]


def _group_ids(keys: Collection[AccountKey]) -> list[str]:
    return [key.value for key in keys if key.kind == "group"]


def _faults(model: CompiledModel, query: AccountQuery) -> Iterator[Fault]:
    minimums = (score.name for score in query.wanted.min_scores or ())
    yield from unknown_names("stage", "stage", query.wanted.stages or (), [stage.name for stage in model.stages])
    yield from unknown_names("min_score", "score", minimums, model.scores)
    yield from unknown_names("sort", "order", [query.sort.name] if query.sort else (), ["leads", *model.scores])


__all__ = [
    "AccountFilter",
    "AccountQuery",
    "AccountScore",
    "AccountView",
    "Position",
    "read_account",
    "read_accounts",
]
