"""The account worker: counts the accounts of leads that have changed."""

import asyncio

from app.services.account_rollups import are_accounts_behind, take_turn
from app.services.runtime import Runtime


async def count_accounts(runtime: Runtime, stopping: asyncio.Event) -> None:
    """One round: until nothing is left to count, or until the current transaction ends if the process stops."""
    await runtime.feed.number()
    is_behind = await are_accounts_behind(runtime.database)
    while is_behind and not stopping.is_set():
        is_behind = await take_turn(runtime.database, runtime.models)
