"""`leadscore leads …`: a person is exported, split, merged and erased, named by id or by identity."""

import asyncio
import json
import re
from collections.abc import Callable
from functools import partial

import pytest

from app.services.publishing import install_starter
from tests.services.harness import event, serving


@pytest.fixture
def leads(sqlite_url: str, run: Callable[..., str]) -> Callable[..., str]:
    """`leadscore leads …` on a database with one person: what it prints."""

    async def fill() -> None:
        async with serving(sqlite_url) as service:
            await install_starter(service.database, service.clock)
            await service.ingest(event("a1"), event("user_id:u1", "anonymous_id:a1"))

    asyncio.run(fill())
    return partial(run, "leads")


def test_a_lead_is_exported_by_an_identity_or_by_its_id(leads: Callable[..., str]) -> None:
    lines = [json.loads(line) for line in leads("export", "user_id:u1").splitlines()]
    assert [line["kind"] for line in lines if line["kind"] in {"event", "end"}] == ["event", "event", "end"]
    assert leads("export", lines[0]["id"]).count('"kind":"event"') == 2


def test_a_lead_is_split_and_merged_again(leads: Callable[..., str]) -> None:
    planned = leads("split", "user_id:u1", "anonymous_id:a1", "--dry-run")
    done = leads("split", "user_id:u1", "anonymous_id:a1")
    assert [re.sub(r"^\S+", "", line) for line in planned.splitlines()] == [
        re.sub(r"^\S+", "", line) for line in done.splitlines()
    ]
    assert re.findall(r", (\d) events$", done, re.MULTILINE) == ["1", "1"]
    assert leads("merge", "user_id:u1", "anonymous_id:a1").endswith(", 2 events\n")


def test_an_erased_lead_is_gone(leads: Callable[..., str]) -> None:
    assert "LEADSCORE_SUPPRESSION_SECRET" in leads("erase", "user_id:u1", "--suppress")
    assert leads("erase", "user_id:u1") == "Erased.\n"
    assert leads("erase", "user_id:u1") == "No lead has this user_id. Look for another identity of the same person.\n"


def test_what_is_neither_an_id_nor_an_identity_is_refused(leads: Callable[..., str]) -> None:
    assert leads("export", "ada@example.com").startswith("`ada@example.com` is not an id or identity")
