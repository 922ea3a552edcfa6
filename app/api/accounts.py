"""Accounts over HTTP: organisations, and what their leads add up to."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.api.access import CurrentRuntime, Reader
from app.api.cursors import finite, read_cursor, whole_number, write_cursor
from app.api.parameters import Cursor, Limit
from app.api.routes import strict_router
from app.api.thresholds import score_limits
from app.documents.accounts import AccountDocument, AccountPage
from app.documents.parameters import Moment, Storable
from app.services.accounts import AccountFilter, AccountQuery, AccountScore, Position, read_account, read_accounts

SUM = ".sum"
MAX_LEADS = 2**31 - 1  # the column's maximum

router = strict_router("/v1/accounts", "accounts", Reader)


@router.get("")
async def list_accounts(
    runtime: CurrentRuntime,
    stage: Annotated[list[str] | None, Query(description="Repeatable: any of these.")] = None,
    min_score: Annotated[
        list[str] | None,
        Query(description="`engagement:40` or `engagement.sum:100`. Repeatable: all of these."),
    ] = None,
    q: Annotated[
        str | None,
        Query(max_length=200, description="The beginning of the domain, the group's id or its `name`."),
        Storable,
    ] = None,
    seen_after: Annotated[Moment | None, Query(description="A lead of it was seen after this moment.")] = None,
    sort: Annotated[
        str,
        Query(description="`leads`, or a score: `engagement` is the highest of its leads, `engagement.sum` the sum."),
    ] = "leads",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AccountPage:
    """Accounts, filtered and sorted by what their leads add up to, in descending order."""
    thresholds = {_score(name): least for name, least in score_limits("min_score", min_score or (), max).items()}
    query = AccountQuery(
        AccountFilter(stages=stage, min_scores=thresholds, prefix=q, seen_after=seen_after),
        None if sort == "leads" else _score(sort),
    )
    kind = whole_number(0, MAX_LEADS) if query.sort is None else finite
    after = Position(*read_cursor(query, cursor, kind, UUID)) if cursor else None
    now = runtime.clock()
    views, end = await read_accounts(runtime.database, runtime.models, query, after, limit, now)
    next_cursor = write_cursor(query, [end.value, str(end.account_id)]) if end else None
    return AccountPage(data=list(map(AccountDocument.of_view, views)), next_cursor=next_cursor)


@router.get("/{account_id}")
async def get_account(runtime: CurrentRuntime, account_id: UUID) -> AccountDocument:
    """One account. `GET /v1/leads?account={account_id}` lists its leads."""
    return AccountDocument.of_view(await read_account(runtime.database, runtime.models, account_id, runtime.clock()))


def _score(text: str) -> AccountScore:
    return AccountScore(text.removesuffix(SUM), is_sum=text.endswith(SUM))
