"""`leadscore retractions …`: events are counted, taken back and restored by hand; workers carry it out."""

import asyncio
import re
from collections.abc import Callable
from functools import partial

import pytest

from app.clock import utc_now
from app.services.publishing import install_starter
from app.services.retracting import work_off
from app.storage.events import LONGEST_WRITE
from tests.services.harness import event, serving


@pytest.fixture
def retractions(sqlite_url: str, run: Callable[..., str]) -> Callable[..., str]:
    """`leadscore retractions …` on a database with three events, two of them of one source: what it prints."""

    async def fill() -> None:
        async with serving(sqlite_url) as service:
            await install_starter(service.database, service.clock)
            await service.ingest(event("u1"), event("u2"), event("u2", source="product"))

    asyncio.run(fill())
    return partial(run, "retractions")


def carry_out(sqlite_url: str) -> None:
    async def work() -> None:
        async with serving(sqlite_url) as service:
            for clock in (utc_now, lambda: utc_now() + LONGEST_WRITE):
                await work_off(service.database, service.models, service.id, clock, lambda *_: True)

    asyncio.run(work())


def test_events_are_taken_back_and_restored(sqlite_url: str, retractions: Callable[..., str]) -> None:
    wanted = ("create", "--reason", "a bot", "--source", "website", "--received-before", "2030-01-01T00:00:00Z")
    assert retractions(*wanted, "--dry-run") == "2 events of 2 leads would no longer count.\n"
    assert retractions("list").count("\n") == 1
    made = retractions(*wanted)
    assert made.endswith("  2 events of 2 leads\n")
    carry_out(sqlite_url)
    assert re.search(r"command line +retracted +2 +2 +a bot$", retractions("list"), re.MULTILINE)
    assert retractions("undo", made.split()[0]) == "Its events will count again.\n"
    carry_out(sqlite_url)
    assert re.search(r"undone +0 +0 +a bot$", retractions("list"), re.MULTILINE)


def test_all_faults_are_named_by_their_options(retractions: Callable[..., str]) -> None:
    said = retractions("create", "--reason", "a bot", "--received-from", "yesterday", "--lead", "u1")
    assert "--received-from: must be a time with a time zone, such as" in said
    assert "--lead: " in said


def test_a_retraction_without_a_filter_is_refused(retractions: Callable[..., str]) -> None:
    assert "give at least one of `--message-id`, `--source`, `--name`, `--lead`" in retractions(
        "create", "--reason", "all of it"
    )
