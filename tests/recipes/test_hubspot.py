"""docs/recipes/hubspot.py between a real leadscore and a fake of HubSpot."""

import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from crm_sync import client
from hubspot import PROPERTIES, Hubspot

from tests.api.server import Server
from tests.recipes.hubspot_api import TOKEN, HubspotApi, new_id
from tests.recipes.syncing import (
    Sync,
    ask_for_demo,
    check_every_interruption,
    command,
    end_of_feed,
    identify,
    merge,
    run,
    send,
)
from tests.recipes.vendors import listening

BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def api() -> Iterator[HubspotApi]:
    with listening(api := HubspotApi()):
        api.properties |= {*PROPERTIES}
        yield api


@pytest.fixture
def sync(leadscore: Server, api: HubspotApi, tmp_path: Path) -> Iterator[Sync]:
    with client(api.url, BEARER) as http:
        yield Sync(leadscore, Hubspot(http), tmp_path)


def contact(api: HubspotApi, email: str) -> dict[str, str]:
    [found] = [contact for contact in api.contacts.values() if contact["email"] == email]
    return found


def without_ids(api: HubspotApi) -> list[Any]:
    return sorted(api.contacts.values(), key=lambda contact: contact["email"])


def test_a_lead_becomes_a_contact(sync: Sync, api: HubspotApi) -> None:
    send(
        sync.leadscore,
        identify("ada@one.example", first_name="Ada", company="Engines"),
        ask_for_demo("ada@one.example"),
    )
    sync.catch_up()
    lead = sync.leadscore.ask("/v1/leads/lookup", email="ada@one.example")
    assert contact(api, "ada@one.example") == {
        "email": "ada@one.example",
        "firstname": "Ada",
        "company": "Engines",
        "lifecyclestage": "salesqualifiedlead",
        "leadscore_id": lead["id"],
        "leadscore_stage": "sql",
        "leadscore_engagement": str(lead["scores"]["engagement"]["value"]),
        "leadscore_fit": str(lead["scores"]["fit"]["value"]),
    }


def test_what_sales_has_corrected_stays(sync: Sync, api: HubspotApi) -> None:
    api.contacts[new_id()] = {"email": "ada@two.example", "firstname": "Augusta", "lifecyclestage": "customer"}
    send(sync.leadscore, identify("ada@two.example", first_name="Ada"), ask_for_demo("ada@two.example"))
    sync.catch_up()
    found = contact(api, "ada@two.example")
    assert (found["firstname"], found["lifecyclestage"], found["leadscore_stage"]) == ("Augusta", "customer", "sql")


@pytest.mark.parametrize(("name", "finds_secondary_emails"), [("three", True), ("thirteen", False)])
def test_merged_leads_become_one_contact(sync: Sync, api: HubspotApi, name: str, finds_secondary_emails: bool) -> None:
    api.finds_secondary_emails = finds_secondary_emails
    emails = [f"b@{name}.example", f"a@{name}.example"]
    send(sync.leadscore, *(identify(email, f"{name}-{number}") for number, email in enumerate(emails)))
    sync.catch_up()
    assert len(api.contacts) == 2
    send(sync.leadscore, merge(f"{name}-0", f"{name}-1"))
    sync.catch_up()
    send(sync.leadscore, ask_for_demo(emails[0]))
    sync.catch_up()
    [merged] = api.contacts.values()
    lead = sync.leadscore.ask("/v1/leads/lookup", email=emails[0])
    assert {merged["email"], merged["hs_additional_emails"]} == {*emails}
    assert (merged["leadscore_id"], merged["leadscore_stage"]) == (lead["id"], "sql")


def test_a_new_address_that_sorts_first_does_not_make_a_second_contact(sync: Sync, api: HubspotApi) -> None:
    send(sync.leadscore, identify("z@four.example", "four"))
    sync.catch_up()
    send(sync.leadscore, identify("a@four.example", "four"))
    sync.catch_up()
    assert [found["email"] for found in api.contacts.values()] == ["z@four.example"]


def test_an_address_that_hubspot_refuses_does_not_stop_the_others(
    sync: Sync, api: HubspotApi, capsys: pytest.CaptureFixture[str]
) -> None:
    send(sync.leadscore, *(identify(f"ada@five.{end}") for end in ("invalid", "example", "org")))
    sync.catch_up()
    assert {found["email"] for found in api.contacts.values()} == {"ada@five.example", "ada@five.org"}
    assert "INVALID_EMAIL" in capsys.readouterr().err


def test_a_deleted_lead_archives_its_contact(sync: Sync, api: HubspotApi) -> None:
    send(sync.leadscore, identify("ada@eight.example"), identify("eve@eight.example"))
    sync.catch_up()
    lead_id = contact(api, "ada@eight.example")["leadscore_id"]
    for _ in range(2):
        sync.crm.delete(lead_id)
    assert [found["email"] for found in api.contacts.values()] == ["eve@eight.example"]


def test_interruptions_lose_and_double_nothing(sync: Sync, api: HubspotApi) -> None:
    send(sync.leadscore, *(identify(f"{user}@six.example", f"six-{user}") for user in ("a", "b", "c")))
    sync.catch_up()
    before = deepcopy(api.contacts)
    send(sync.leadscore, merge("six-a", "six-b"), ask_for_demo("c@six.example"), identify("d@six.example"))

    def restore() -> None:
        api.contacts = deepcopy(before)

    assert check_every_interruption(sync, api, restore, lambda: without_ids(api)) >= 6
    assert {found["email"]: found["leadscore_stage"] for found in api.contacts.values()} == {
        "a@six.example": "interest",
        "c@six.example": "sql",
        "d@six.example": "interest",
    }


def test_the_program_creates_its_properties_and_survives_a_kill(
    leadscore: Server, api: HubspotApi, tmp_path: Path
) -> None:
    api.properties -= {*PROPERTIES}
    settings = {"HUBSPOT_URL": api.url, "HUBSPOT_TOKEN": TOKEN}
    api.holds_at = len(PROPERTIES) + 1  # the first upsert, after the properties and a read
    cursor_file, start = tmp_path / "cursor.txt", end_of_feed(leadscore)
    cursor_file.write_text(start)
    with subprocess.Popen(**command("hubspot.py", leadscore=leadscore, folder=tmp_path, **settings)) as process:
        send(leadscore, identify("ada@seven.example"))
        assert api.held.wait(timeout=30)
        process.kill()
    api.release.set()
    assert cursor_file.read_text() == start
    run("hubspot.py", leadscore, tmp_path, **settings)
    assert [found["email"] for found in api.contacts.values()] == ["ada@seven.example"]
    assert cursor_file.read_text() == end_of_feed(leadscore)
    assert api.properties >= {*PROPERTIES}
