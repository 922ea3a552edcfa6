"""docs/recipes/salesforce.py between a real leadscore and a fake of Salesforce."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from crm_sync import client
from salesforce import ClientCredentials, Salesforce

from tests.api.server import Server
from tests.recipes.salesforce_api import CLIENT_ID, CLIENT_SECRET, SalesforceApi
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
def api() -> Iterator[SalesforceApi]:
    with listening(api := SalesforceApi()):
        yield api


@pytest.fixture
def sync(leadscore: Server, api: SalesforceApi, tmp_path: Path) -> Iterator[Sync]:
    with client(api.url, auth=ClientCredentials(CLIENT_ID, CLIENT_SECRET)) as http:
        yield Sync(leadscore, Salesforce(http), tmp_path)


def record(api: SalesforceApi, email: str) -> dict[str, Any]:
    [found] = [lead for lead in api.leads.values() if lead["Email"] == email]
    return found


def test_a_lead_becomes_a_salesforce_lead(sync: Sync, api: SalesforceApi) -> None:
    traits = {"first_name": "Ada", "last_name": "Lovelace", "company": "Engines"}
    send(sync.leadscore, identify("ada@one.example", **traits), ask_for_demo("ada@one.example"))
    sync.catch_up()
    lead = sync.leadscore.ask("/v1/leads/lookup", email="ada@one.example")
    assert record(api, "ada@one.example") == {
        "Email": "ada@one.example",
        "FirstName": "Ada",
        "LastName": "Lovelace",
        "Company": "Engines",
        "Leadscore_Id__c": lead["id"],
        "Leadscore_Stage__c": "sql",
        "Leadscore_Engagement__c": lead["scores"]["engagement"]["value"],
        "Leadscore_Fit__c": lead["scores"]["fit"]["value"],
    }


def test_what_salesforce_requires_is_there_although_the_lead_has_only_an_address(
    sync: Sync, api: SalesforceApi
) -> None:
    send(sync.leadscore, identify("ada@two.example"))
    sync.catch_up()
    found = record(api, "ada@two.example")
    assert (found["LastName"], found["Company"]) == ("ada@two.example", "two.example")


def test_what_sales_has_corrected_stays(sync: Sync, api: SalesforceApi) -> None:
    send(sync.leadscore, identify("ada@three.example", last_name="Byron"))
    sync.catch_up()
    record(api, "ada@three.example")["LastName"] = "Lovelace"
    send(sync.leadscore, ask_for_demo("ada@three.example"))
    sync.catch_up()
    found = record(api, "ada@three.example")
    assert (found["LastName"], found["Leadscore_Stage__c"]) == ("Lovelace", "sql")


def test_an_expired_token_is_replaced(sync: Sync, api: SalesforceApi) -> None:
    for stage, message in (("interest", identify("ada@four.example")), ("sql", ask_for_demo("ada@four.example"))):
        send(sync.leadscore, message)
        sync.catch_up()
        assert record(api, "ada@four.example")["Leadscore_Stage__c"] == stage
        api.token = "of another session"
    assert api.requests.count("POST /services/oauth2/token") == 2


def test_the_record_of_a_retired_lead_becomes_the_survivors(sync: Sync, api: SalesforceApi) -> None:
    send(sync.leadscore, identify("ada@five.example"))
    sync.catch_up()
    [record_id] = api.leads
    send(sync.leadscore, {"type": "track", "userId": "five", "event": "Trial Started"})
    send(sync.leadscore, identify("ada@five.example", "five"))
    sync.catch_up()
    [(survivor_id, found)] = api.leads.items()
    assert survivor_id == record_id
    assert found["Leadscore_Id__c"] == sync.leadscore.ask("/v1/leads/lookup", user_id="five")["id"]


def test_of_two_records_the_retired_one_says_so(sync: Sync, api: SalesforceApi) -> None:
    send(sync.leadscore, identify("a@six.example", "six-a"), identify("b@six.example", "six-b"))
    sync.catch_up()
    send(sync.leadscore, merge("six-a", "six-b"))
    sync.catch_up()
    lead_id = sync.leadscore.ask("/v1/leads/lookup", user_id="six-a")["id"]
    [survivor] = [lead for lead in api.leads.values() if lead["Leadscore_Id__c"] == lead_id]
    [retired] = [lead for lead in api.leads.values() if lead["Leadscore_Id__c"] != lead_id]
    assert survivor["Leadscore_Stage__c"] == "interest"
    assert (retired["Leadscore_Stage__c"], retired["Leadscore_Merged_Into__c"]) == ("merged", lead_id)


def test_a_retired_lead_that_is_converted_stays_as_it_is(sync: Sync, api: SalesforceApi) -> None:
    send(sync.leadscore, identify("ada@eleven.example"))
    sync.catch_up()
    converted = record(api, "ada@eleven.example")
    converted["IsConverted"] = True
    before = dict(converted)
    send(sync.leadscore, {"type": "track", "userId": "eleven", "event": "Trial Started"})
    send(sync.leadscore, identify("ada@eleven.example", "eleven"))
    sync.catch_up()
    survivor_id = sync.leadscore.ask("/v1/leads/lookup", user_id="eleven")["id"]
    assert converted == before
    assert survivor_id in {lead["Leadscore_Id__c"] for lead in api.leads.values()}


def test_a_converted_lead_is_reported_and_skipped(
    sync: Sync, api: SalesforceApi, capsys: pytest.CaptureFixture[str]
) -> None:
    send(sync.leadscore, identify("ada@seven.example"))
    sync.catch_up()
    record(api, "ada@seven.example")["IsConverted"] = True
    send(sync.leadscore, ask_for_demo("ada@seven.example"), identify("eve@seven.example"))
    sync.catch_up()
    assert record(api, "eve@seven.example")["Leadscore_Stage__c"] == "interest"
    assert "CANNOT_UPDATE_CONVERTED_LEAD" in capsys.readouterr().err


def test_a_deleted_lead_deletes_its_record(sync: Sync, api: SalesforceApi) -> None:
    send(sync.leadscore, identify("ada@eight.example"), identify("eve@eight.example"))
    sync.catch_up()
    lead_id = record(api, "ada@eight.example")["Leadscore_Id__c"]
    for _ in range(2):
        sync.crm.delete(lead_id)
    assert [lead["Email"] for lead in api.leads.values()] == ["eve@eight.example"]


def test_interruptions_lose_and_double_nothing(sync: Sync, api: SalesforceApi) -> None:
    send(sync.leadscore, *(identify(f"{user}@nine.example", f"nine-{user}") for user in ("a", "b", "c")))
    send(sync.leadscore, identify("d@nine.example"))
    sync.catch_up()
    before = deepcopy(api.leads)
    send(sync.leadscore, merge("nine-a", "nine-b"), ask_for_demo("c@nine.example"), identify("e@nine.example"))
    send(sync.leadscore, {"type": "track", "userId": "nine-d", "event": "Liked"}, identify("d@nine.example", "nine-d"))

    def restore() -> None:
        api.leads = deepcopy(before)

    def state() -> Any:
        return sorted(api.leads.values(), key=lambda lead: str(lead["Email"]))

    assert check_every_interruption(sync, api, restore, state) >= 20
    stages = {lead["Email"][0]: lead["Leadscore_Stage__c"] for lead in api.leads.values()}
    assert sorted(stages.pop(email) for email in "ab") == ["interest", "merged"]
    assert stages == {"c": "sql", "d": "interest", "e": "interest"}


def test_the_program_sends_every_lead_at_first(leadscore: Server, api: SalesforceApi, tmp_path: Path) -> None:
    send(leadscore, identify("ada@ten.example"))
    credentials = {"SALESFORCE_CLIENT_ID": CLIENT_ID, "SALESFORCE_CLIENT_SECRET": CLIENT_SECRET}
    run("salesforce.py", leadscore, tmp_path, SALESFORCE_URL=api.url, **credentials)
    assert record(api, "ada@ten.example")["Leadscore_Stage__c"] == "interest"
