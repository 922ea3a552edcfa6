"""docs/recipes/pipedrive.py between a real leadscore and a fake of Pipedrive."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from crm_sync import client
from pipedrive import FIELDS, Pipedrive

from tests.api.server import Server
from tests.recipes.pipedrive_api import TOKEN, PipedriveApi
from tests.recipes.syncing import (
    Sync,
    ask_for_demo,
    check_every_interruption,
    identify,
    merge,
    run,
    send,
)
from tests.recipes.vendors import listening


@pytest.fixture
def api() -> Iterator[PipedriveApi]:
    with listening(api := PipedriveApi()):
        yield api


@pytest.fixture
def sync(leadscore: Server, api: PipedriveApi, tmp_path: Path) -> Iterator[Sync]:
    with client(api.url, {"x-api-token": TOKEN}) as http:
        pipedrive = Pipedrive(http)
        pipedrive.create_fields()
        yield Sync(leadscore, pipedrive, tmp_path)


def summary(api: PipedriveApi) -> dict[str, Any]:
    """The name and the stage of each person by their addresses."""
    stage = api.fields["leadscore stage"]
    return {
        " ".join(sorted(each["value"] for each in person["emails"])): (
            person["name"],
            person["custom_fields"].get(stage),
        )
        for person in api.persons.values()
    }


def test_a_lead_becomes_a_person(sync: Sync, api: PipedriveApi) -> None:
    send(sync.leadscore, identify("ada@one.example", first_name="Ada", last_name="Lovelace"))
    sync.catch_up()
    lead = sync.leadscore.ask("/v1/leads/lookup", email="ada@one.example")
    [person] = api.persons.values()
    assert person["name"] == "Ada Lovelace"
    assert person["emails"] == [{"value": "ada@one.example", "primary": True}]
    fields = {name: person["custom_fields"][api.fields[name]] for name in FIELDS}
    assert fields == {
        "leadscore id": lead["id"],
        "leadscore stage": "interest",
        "leadscore engagement": lead["scores"]["engagement"]["value"],
        "leadscore fit": lead["scores"]["fit"]["value"],
    }


def test_a_sales_ready_lead_comes_into_the_inbox_once(sync: Sync, api: PipedriveApi) -> None:
    send(sync.leadscore, identify("ada@two.example", name="Ada"))
    sync.catch_up()
    assert api.leads == []
    for _ in range(2):
        send(sync.leadscore, ask_for_demo("ada@two.example"))
        sync.catch_up()
    [person_id] = api.persons
    assert [(lead["title"], lead["person_id"]) for lead in api.leads] == [("Ada", person_id)]


def test_what_sales_has_corrected_stays(sync: Sync, api: PipedriveApi) -> None:
    emails = [{"value": "office@three.example", "primary": True}, {"value": "Ada@three.example", "primary": False}]
    api.add_person({"name": "Augusta", "emails": emails, "custom_fields": {}})
    send(sync.leadscore, identify("ada@three.example", name="Ada"))
    sync.catch_up()
    assert summary(api) == {"Ada@three.example office@three.example": ("Augusta", "interest")}


def test_merged_leads_become_one_person(sync: Sync, api: PipedriveApi) -> None:
    send(sync.leadscore, identify("a@four.example", "four-a"), identify("b@four.example", "four-b"))
    sync.catch_up()
    assert len(api.persons) == 2
    send(sync.leadscore, merge("four-a", "four-b"))
    sync.catch_up()
    assert [*summary(api)] == ["a@four.example b@four.example"]


def test_a_deleted_lead_deletes_its_person(sync: Sync, api: PipedriveApi) -> None:
    send(sync.leadscore, identify("ada@five.example"), identify("eve@five.example"))
    sync.catch_up()
    lead_id = sync.leadscore.ask("/v1/leads/lookup", email="ada@five.example")["id"]
    for _ in range(2):
        sync.crm.delete(lead_id)
    assert [*summary(api)] == ["eve@five.example"]


def test_interruptions_lose_and_double_nothing(sync: Sync, api: PipedriveApi) -> None:
    send(sync.leadscore, *(identify(f"{user}@six.example", f"six-{user}") for user in ("a", "b", "c")))
    sync.catch_up()
    before = deepcopy(api.persons)
    send(sync.leadscore, merge("six-a", "six-b"), ask_for_demo("c@six.example"), identify("d@six.example"))

    def restore() -> None:
        api.persons, api.leads = deepcopy(before), []

    def state() -> Any:
        return summary(api), [lead["title"] for lead in api.leads]

    assert check_every_interruption(sync, api, restore, state) >= 20
    stages = {emails: stage for emails, (_, stage) in summary(api).items()}
    assert stages == {"a@six.example b@six.example": "interest", "c@six.example": "sql", "d@six.example": "interest"}
    assert [lead["title"] for lead in api.leads] == ["c@six.example"]


def test_the_program_creates_its_fields_once(leadscore: Server, api: PipedriveApi, tmp_path: Path) -> None:
    send(leadscore, identify("ada@seven.example"))
    for _ in range(2):
        run("pipedrive.py", leadscore, tmp_path, PIPEDRIVE_URL=api.url, PIPEDRIVE_TOKEN=TOKEN)
    assert api.requests.count("POST /api/v2/personFields") == len(FIELDS)
    assert summary(api)["ada@seven.example"] == ("ada@seven.example", "interest")
