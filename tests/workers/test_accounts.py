"""The account worker: all accounts are counted in one round, and nothing is begun after the stop."""

import asyncio

from app.services.account_rollups import are_accounts_behind
from app.services.accounts import AccountFilter, AccountQuery, read_accounts
from app.services.runtime import Runtime
from app.workers.accounts import count_accounts
from tests.services.harness import event

ALL = AccountQuery(AccountFilter())


async def counted(runtime: Runtime) -> dict[str, int]:
    views, _ = await read_accounts(runtime.database, runtime.models, ALL, None, 10, runtime.clock())
    return {view.account.key.value: view.account.rollup.leads for view in views}


async def join(runtime: Runtime, *users: str) -> None:
    await runtime.writer.submit([event(user, type="group", properties={"groupId": "globex"}) for user in users])


async def test_all_accounts_are_counted_in_one_round(runtime: Runtime) -> None:
    await join(runtime, "u1", "u2")
    await count_accounts(runtime, asyncio.Event())
    assert await counted(runtime) == {"globex": 2}
    await join(runtime, "u3")
    await count_accounts(runtime, asyncio.Event())
    assert await counted(runtime) == {"globex": 3}
    assert not await are_accounts_behind(runtime.database)


async def test_nothing_is_begun_after_the_stop(runtime: Runtime) -> None:
    await join(runtime, "u1")
    stopping = asyncio.Event()
    stopping.set()
    await count_accounts(runtime, stopping)
    assert await counted(runtime) == {}
