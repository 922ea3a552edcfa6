"""The well-known exports are recognised by their headers, and their columns mean what they mean there."""

from collections.abc import Sequence
from typing import Any, get_args

import orjson
import pytest

from app.cli.imports import Format
from app.protocol.tables.layout import TableOptions, understand
from app.protocol.tables.messages import RowReader
from app.protocol.tables.reading import Row
from app.protocol.tables.shapes import FORMATS, recognise, settle_distinct_ids

DEVICE = "0190a0e0-1111-7222-8333-444455556666"
OTHER = "0190a0e0-9999-7222-8333-444455556666"


def message(columns: str | Sequence[str], *cells: str, **options: Any) -> Any:
    """What a row with these cells is."""
    header = columns.split(",") if isinstance(columns, str) else columns
    layout = understand(header, TableOptions(**options))
    [entry] = RowReader(layout).read(Row(2, (*cells, *[""] * (len(header) - len(cells)))))
    assert entry.fault is None, entry.fault
    return entry.message


@pytest.mark.parametrize(
    ("columns", "title"),
    [
        (
            "Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Lead Status,Create Date",
            "HubSpot's contacts",
        ),
        ("Contact ID,First Name,Lifecycle Stage,HubSpot Score", "HubSpot's contacts"),
        (
            "ID,ISDELETED,LASTNAME,FIRSTNAME,COMPANY,EMAIL,LEADSOURCE,STATUS,CREATEDDATE",
            "Salesforce's leads or contacts",
        ),
        ("Id,FirstName,LastName,Email,AccountId,LeadSource,CreatedDate", "Salesforce's leads or contacts"),
        ("First Name,Last Name,Company / Account,Email,Lead Source,Lead Status", "Salesforce's leads or contacts"),
        ("event_date,event_timestamp,event_name,user_id,user_pseudo_id,platform", "Google Analytics 4's events"),
        ("id,distinct_id,properties.$browser,event,timestamp,person,elements_chain", "PostHog's events"),
        (
            "event,*.uuid,*.event,*.properties.prop,*.timestamp,*.team_id,*.distinct_id,*.elements_chain,*.created_at",
            "PostHog's events",
        ),
        ("uuid,event,properties,distinct_id,timestamp,person_id", "PostHog's events"),
        ("id,name,distinct_ids.0,properties.email,created_at,uuid", "PostHog's persons"),
        ("event,time,distinct_id,$insert_id,$browser,mp_lib", "Mixpanel's events"),
        ("Event Name,Time,Distinct ID,Plan Type", "Mixpanel's events"),
        ("$distinct_id,$name,$email,$last_seen", "Mixpanel's users"),
        (
            "id,received_at,sent_at,original_timestamp,timestamp,anonymous_id,user_id,event,event_text,plan",
            "a warehouse's table of tracks, as Segment writes it",
        ),
        (
            "id,received_at,timestamp,anonymous_id,user_id,name,path,url,title",
            "a warehouse's table of pages, as Segment writes it",
        ),
        ("id,received_at,original_timestamp,user_id,email", "a warehouse's table of identifies, as Segment writes it"),
        ("id,received_at,uuid_ts,email,plan", "a warehouse's table of users, as Segment writes it"),
    ],
)
def test_an_export_is_recognised_by_its_header(columns: str, title: str) -> None:
    shape = recognise(columns.split(","), None)
    assert shape
    assert shape.title == title


@pytest.mark.parametrize(
    "columns", ["email,company,created_at", "id,email,name", "event,email,timestamp", "Record ID,Deal"]
)
def test_a_table_of_ones_own_is_no_export(columns: str) -> None:
    assert recognise(columns.split(","), None) is None


def test_every_format_can_be_named() -> None:
    assert get_args(Format) == ("jsonl", "csv", "tsv", *FORMATS)


@pytest.mark.parametrize("format", ["csv", "tsv"])
def test_a_plain_table_is_no_export_if_that_is_told(format: str) -> None:  # noqa: A002 - the option's name
    assert message("Record ID,Email", "7", "a@x.example", format=format)["traits"] == {
        "record_id": "7",
        "email": "a@x.example",
    }


def test_of_a_format_that_is_named_the_closest_export_is_taken() -> None:
    assert message("distinct_id,event", "u1", "Liked", format="posthog", event_column="event")["userId"] == "u1"
    assert message("Record ID,Work Email", "7", "a@x.example", format="hubspot")["traits"]["hubspot_id"] == "7"


def test_hubspots_contacts() -> None:
    columns = "Record ID,First Name,Email,Phone Number,Create Date,Lifecycle Stage,Number of Employees,Company Name"
    assert message(columns, "7", "Ada", "a@x.example", "030 1", "2026-01-10 12:00", "Lead", "80", "Navy") == {
        "type": "identify",
        "timestamp": "2026-01-10T12:00:00Z",
        "traits": {
            "hubspot_id": "7",
            "first_name": "Ada",
            "email": "a@x.example",
            "phone": "030 1",
            "lifecycle_stage": "Lead",
            "company_size": "80",
            "company": "Navy",
        },
    }


def test_salesforces_leads() -> None:
    columns = "ID,LASTNAME,TITLE,COMPANY,EMAIL,LEADSOURCE,STATUS,CREATEDDATE,LASTMODIFIEDDATE,Region__c"
    cells = ("00Q1", "Hopper", "CTO", "Navy", "g@navy.example", "Web", "Open", "2026-01-10", "2026-02-10", "EMEA")
    found = message(columns, *cells)
    assert found["timestamp"] == "2026-02-10T00:00:00Z"
    assert found["traits"] == {
        "salesforce_id": "00Q1",
        "last_name": "Hopper",
        "job_title": "CTO",
        "company": "Navy",
        "email": "g@navy.example",
        "lead_source": "Web",
        "lead_status": "Open",
        "createddate": "2026-01-10",
        "region": "EMEA",
    }


def test_google_analytics_events() -> None:
    columns = "event_date,event_timestamp,event_name,user_pseudo_id,user_id,page_location,value"
    cells = ("20260110", "1768039200000000", "page_view", "12.34", "u1", "https://x.example/pricing?utm_source=a", "3")
    assert message(columns, *cells) == {
        "type": "page",
        "timestamp": "2026-01-10T10:00:00Z",
        "anonymousId": "12.34",
        "userId": "u1",
        "context": {"page": {"url": cells[5], "path": "/pricing", "search": "?utm_source=a"}},
        "properties": {"value": "3"},
    }


def test_posthogs_events_as_its_exporter_flattens_them() -> None:
    columns = "event,*.uuid,*.event,*.properties.$current_url,*.properties.id,*.timestamp,*.team_id,*.distinct_id"
    assert message(columns, "Liked", "m1", "Liked", "https://x.example", "7", "2026-01-10", "1", "u1") == {
        "type": "track",
        "event": "Liked",
        "messageId": "m1",
        "timestamp": "2026-01-10T00:00:00Z",
        "userId": "u1",
        "context": {"page": {"url": "https://x.example", "path": "/"}},
        "properties": {"id": "7"},
    }


def test_posthogs_events_with_an_object_of_properties() -> None:
    properties = {"$set": {"email": "a@x.example"}, "$anon_distinct_id": DEVICE, "planType": "pro", "timestamp": "x"}
    columns = "uuid,event,distinct_id,timestamp,properties"
    assert message(columns, "m1", "$identify", "u1", "2026-01-10", orjson.dumps(properties).decode()) == {
        "type": "identify",
        "messageId": "m1",
        "timestamp": "2026-01-10T00:00:00Z",
        "userId": "u1",
        "anonymousId": DEVICE,
        "context": {"traits": {"email": "a@x.example"}},
        "properties": {"planType": "pro", "timestamp": "x"},
    }


@pytest.mark.parametrize(
    ("columns", "cells"),
    [
        ("distinct_ids.0,distinct_ids.1,properties.$email", (DEVICE, "u1", "a@x.example")),
        ("distinct_ids,properties", (f'["{OTHER}", "u1"]', '{"email": "a@x.example"}')),
    ],
)
def test_posthogs_persons(columns: str, cells: tuple[str, ...]) -> None:
    found = message(columns, *cells)
    assert (found["type"], found["userId"], found["traits"]) == ("identify", "u1", {"email": "a@x.example"})
    assert found["anonymousId"] in (DEVICE, OTHER)


def test_mixpanels_events() -> None:
    columns = "event,time,distinct_id,$insert_id,$device_id,$current_url,utm_source,Plan Type,id"
    cells = ("Liked", "1768039200", f"$device:{DEVICE}", "i1", DEVICE, "https://x.example/a", "ads", "pro", "9")
    assert message(columns, *cells) == {
        "type": "track",
        "event": "Liked",
        "messageId": "i1",
        "timestamp": "2026-01-10T10:00:00Z",
        "anonymousId": DEVICE,
        "context": {"page": {"url": "https://x.example/a", "path": "/a"}, "campaign": {"source": "ads"}},
        "properties": {"Plan Type": "pro", "id": "9"},
    }


def test_mixpanels_users() -> None:
    found = message("$distinct_id,$name,$email,Plan", "u1", "Ada", "a@x.example", "pro")
    assert found == {
        "type": "identify",
        "userId": "u1",
        "traits": {"name": "Ada", "email": "a@x.example", "Plan": "pro"},
    }


def test_a_warehouses_tracks() -> None:
    columns = "id,received_at,timestamp,anonymous_id,user_id,event,event_text,context_page_path,context_user_agent,plan"
    cells = (
        "m1",
        "2026-01-11",
        "2026-01-10 10:00:00 UTC",
        "a1",
        "",
        "plan_chosen",
        "Plan Chosen",
        "/plans",
        "Safari",
        "pro",
    )
    assert message(columns, *cells) == {
        "type": "track",
        "event": "Plan Chosen",
        "messageId": "m1",
        "timestamp": "2026-01-10T10:00:00Z",
        "anonymousId": "a1",
        "context": {"page": {"path": "/plans"}, "userAgent": "Safari"},
        "properties": {"plan": "pro"},
    }


def test_a_warehouses_pages() -> None:
    columns = "id,received_at,timestamp,anonymous_id,path,url,referrer"
    found = message(columns, "m1", "2026-01-11", "2026-01-10", "a1", "/plans", "https://x.example/plans")
    assert (found["type"], found["properties"]["path"]) == ("page", "/plans")


def test_a_warehouses_users() -> None:
    found = message("id,received_at,uuid_ts,email", "u1", "2026-01-10", "2026-01-11", "a@x.example")
    assert found == {
        "type": "identify",
        "userId": "u1",
        "timestamp": "2026-01-10T00:00:00Z",
        "traits": {"email": "a@x.example"},
    }


@pytest.mark.parametrize(
    ("ids", "others", "settled"),
    [
        (["u1"], {}, {"userId": "u1"}),
        ([DEVICE], {}, {"anonymousId": DEVICE}),
        ([f"$device:{DEVICE}"], {"anonymousId": DEVICE}, {"anonymousId": DEVICE}),
        ([DEVICE], {"anonymousId": DEVICE}, {"anonymousId": DEVICE}),
        ([OTHER], {"anonymousId": DEVICE}, {"anonymousId": DEVICE, "userId": OTHER}),
        (["u1"], {"userId": "u1"}, {"userId": "u1"}),
        ([DEVICE], {"userId": "u1"}, {"userId": "u1", "anonymousId": DEVICE}),
        ([DEVICE, OTHER, "u1", "u2"], {}, {"anonymousId": DEVICE, "userId": "u1"}),
        (["17a8b1a2f4d2e3-0a1b2c3d4e5f6-3a6d7f8e-13c680-17a8b1a2f4e2e3"], {}, None),
        ([42], {}, {"userId": "42"}),
    ],
)
def test_a_distinct_id_is_a_users_or_a_devices(ids: list[Any], others: dict[str, str], settled: Any) -> None:
    found = {**others, "distinctIds": ids}
    settle_distinct_ids(found)
    assert found == (settled or {"anonymousId": ids[0]})
