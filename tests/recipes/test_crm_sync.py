"""What docs/recipes/crm_sync.py promises for every CRM: its cursor, waiting, errors, and starting over."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from crm_sync import client
from hubspot import PROPERTIES, Hubspot

from tests.api.server import Server
from tests.recipes.hubspot_api import TOKEN, HubspotApi
from tests.recipes.syncing import Sync, end_of_feed, identify, record_sleeps, send
from tests.recipes.vendors import listening


@pytest.fixture
def api() -> Iterator[HubspotApi]:
    with listening(api := HubspotApi()):
        api.properties |= {*PROPERTIES}
        yield api


@pytest.fixture
def http(api: HubspotApi) -> Iterator[httpx.Client]:
    with client(api.url, {"Authorization": f"Bearer {TOKEN}"}) as http:
        yield http


@pytest.fixture
def sync(leadscore: Server, http: httpx.Client, tmp_path: Path) -> Sync:
    return Sync(leadscore, Hubspot(http), tmp_path)


def emails(api: HubspotApi) -> list[str]:
    return sorted(contact["email"] for contact in api.contacts.values())


def test_the_cursor_ends_at_the_end_of_the_feed(sync: Sync, api: HubspotApi) -> None:
    send(sync.leadscore, *(identify(f"{number}@one.example") for number in range(120)))
    sync.catch_up()
    assert len(api.contacts) == 120
    assert sync.cursor_file.read_text() == end_of_feed(sync.leadscore)
    assert [file.name for file in sync.cursor_file.parent.glob("cursor*")] == ["cursor.txt"]


def test_visitors_without_an_address_stay_out_of_the_crm(sync: Sync, api: HubspotApi) -> None:
    send(sync.leadscore, {"type": "page", "anonymousId": "two"})
    sync.catch_up()
    assert (api.requests, sync.cursor_file.read_text()) == ([], end_of_feed(sync.leadscore))


@pytest.mark.parametrize("cursor", ["", "999999999"])
def test_a_missing_or_expired_position_sends_every_lead(sync: Sync, api: HubspotApi, cursor: str) -> None:
    send(sync.leadscore, identify("ada@three.example"), identify("eve@three.example"))
    sync.cursor_file.write_text(cursor)
    sync.catch_up()
    assert {"ada@three.example", "eve@three.example"} <= {*emails(api)}
    assert sync.cursor_file.read_text() == end_of_feed(sync.leadscore)


def test_waits_as_long_as_the_crm_asks(sync: Sync, api: HubspotApi, http: httpx.Client) -> None:
    sleeps = record_sleeps(http)
    api.limits_at, api.retry_after_s = {0, 1}, 7
    send(sync.leadscore, identify("ada@four.example"))
    sync.catch_up()
    assert (sleeps, emails(api)) == ([7, 7], ["ada@four.example"])


def test_gives_up_if_the_limit_lasts_and_starts_again_later(sync: Sync, api: HubspotApi) -> None:
    api.limits_at = set(range(5))
    send(sync.leadscore, identify("ada@five.example"))
    with pytest.raises(httpx.HTTPStatusError, match="429"):
        sync.catch_up()
    sync.catch_up()
    assert emails(api) == ["ada@five.example"]


def test_a_fault_of_the_setup_stops_the_sync_instead_of_skipping_people(sync: Sync, api: HubspotApi) -> None:
    api.properties.remove("leadscore_stage")
    send(sync.leadscore, identify("ada@six.example"))
    start = sync.cursor_file.read_text()
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        sync.catch_up()
    assert sync.cursor_file.read_text() == start


def test_an_erased_person_is_deleted_from_the_crm(sync: Sync, api: HubspotApi) -> None:
    send(sync.leadscore, identify("ada@seven.example", "seven"), identify("eve@seven.example"))
    sync.catch_up()
    start = sync.cursor_file.read_text()
    send(sync.leadscore, identify("ada@seven.example", "seven", first_name="Ada"))
    erase(sync.leadscore, "ada@seven.example")
    sync.catch_up()
    assert (emails(api), sync.cursor_file.read_text() > start) == (["eve@seven.example"], True)


def erase(leadscore: Server, email: str) -> None:
    """As far as a reader can tell: nothing has the lead's id any more."""
    lead_id = leadscore.ask("/v1/leads/lookup", email=email)["id"]
    with sqlite3.connect(leadscore.database_url.partition(":///")[2]) as database:
        database.execute("PRAGMA foreign_keys = OFF")
        erased = database.execute("DELETE FROM leads WHERE id = ?", (lead_id,)).rowcount
    database.close()
    assert erased == 1
