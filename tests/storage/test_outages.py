"""Outages in the log: when the database goes and when it is back, once each."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.errors import Unavailable
from app.storage.db import Database
from app.storage.outages import Access, OutageLog
from tests.storage.rows import add_model, fail_over

GONE, BACK = "the database is unavailable", "the database is available again"


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


def follow(outages: OutageLog, *transactions: tuple[Access, str | None]) -> None:
    for access, reason in transactions:
        with suppress(Unavailable), outages.watch(access):
            if reason:
                raise Unavailable("Come back later.", reason=reason)


def events(lines: list[Any]) -> list[str]:
    return [line["event"] for line in lines]


def test_an_outage_is_told_once_and_its_end_once(lines: list[Any]) -> None:
    follow(OutageLog(), ("read", None), ("read", "gone"), ("write", "gone"), ("read", "gone"))
    assert [(line["event"], line["reason"], line["log_level"]) for line in lines] == [(GONE, "gone", "warning")]


def test_the_end_is_told_when_all_that_failed_succeeds(lines: list[Any]) -> None:
    outages = OutageLog()
    follow(outages, ("read", None), ("read", "gone"), ("write", "gone"), ("read", None), ("read", None))
    assert events(lines) == [GONE]
    follow(outages, ("write", None), ("write", None), ("read", None))
    assert events(lines) == [GONE, BACK]


def test_reads_that_succeed_while_no_write_does_tell_nothing(lines: list[Any]) -> None:
    outages = OutageLog()
    follow(outages, ("write", None))
    for _ in range(5):
        follow(outages, ("write", "read-only"), ("read", None))
    assert events(lines) == [GONE]


def test_a_database_that_was_never_reached_has_not_gone(lines: list[Any]) -> None:
    follow(OutageLog(), ("read", "nowhere"), ("write", "nowhere"), ("read", None), ("write", None))
    assert events(lines) == []


async def test_a_failover_is_told_and_that_it_is_over(postgres_url: str, lines: list[Any]) -> None:
    database = Database(postgres_url)
    await fail_over(database)
    with pytest.raises(Unavailable):
        await add_model(database)
    assert events(lines) == [GONE]
    await add_model(database)
    await database.close()
    assert events(lines) == [GONE, BACK]


async def test_a_pool_that_is_exhausted_is_no_outage(postgres_url: str, lines: list[Any]) -> None:
    database = Database(postgres_url, pool_size=1, pool_timeout_s=0.01)
    async with database.read():
        with pytest.raises(Unavailable):
            async with database.read():
                pytest.fail("there is one connection")
    await database.close()
    assert events(lines) == []
