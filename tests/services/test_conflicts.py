"""Conflicts: work is repeated while others come first, and given up if it never succeeds."""

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Unavailable
from app.services.conflicts import MAX_IN_A_ROW, Conflicts
from app.services.models import retry_on_conflict
from app.storage import identities as identity_store
from app.storage.db import Conflict
from tests.services.harness import NOW, Service, who


async def test_a_row_that_refers_to_a_missing_one_is_given_up_with_the_database_s_reason(service: Service) -> None:
    async def link_to_nobody(connection: AsyncConnection) -> None:
        await identity_store.insert(connection, dict.fromkeys(who("u1"), service.id), NOW)

    with pytest.raises(Unavailable) as raised:
        await retry_on_conflict(service.database, link_to_nobody)
    assert "foreign key" in (raised.value.reason or "").lower()
    assert "u1" not in (raised.value.reason or "")


async def test_work_is_repeated_until_it_comes_first(service: Service) -> None:
    attempts = iter(range(MAX_IN_A_ROW))

    async def come_first_at_last(_connection: AsyncConnection) -> int:
        if (attempt := next(attempts)) < MAX_IN_A_ROW - 1:
            raise Conflict
        return attempt

    assert await retry_on_conflict(service.database, come_first_at_last) == MAX_IN_A_ROW - 1


def test_only_conflicts_in_a_row_are_counted() -> None:
    conflicts = Conflicts()
    for _ in range(2):
        for _ in range(MAX_IN_A_ROW - 1):
            conflicts.add(Conflict())
        conflicts.clear()
    for _ in range(MAX_IN_A_ROW - 1):
        conflicts.add(Conflict())
    with pytest.raises(Unavailable):
        conflicts.add(Conflict())
