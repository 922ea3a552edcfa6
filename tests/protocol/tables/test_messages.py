"""Rows become messages: what is empty is absent, times are times, and a row's events are known by who did what when."""

from typing import Any

import pytest

from app.protocol.history import Entry
from app.protocol.tables.layout import TableOptions, understand
from app.protocol.tables.messages import RowReader
from app.protocol.tables.reading import Table

AT = {"Demo Requested": "demo_at", "Trial Started": "trial_at"}


def entries(text: str, **options: Any) -> list[Entry]:
    table = Table([text.encode()])
    reader = RowReader(understand(table.header, TableOptions(**options)))
    return [entry for row in table for entry in reader.read(row)]


def messages(text: str, **options: Any) -> list[Any]:
    return [entry.message for entry in entries(text, **options)]


def ids(text: str, **options: Any) -> list[Any]:
    """What keeps each message from being stored twice."""
    return [entry.message.get("messageId") or entry.content for entry in entries(text, **options)]


def faults(text: str, **options: Any) -> list[tuple[int, str]]:
    return [(entry.line, entry.fault.detail) for entry in entries(text, **options) if entry.fault]


def test_a_row_is_a_person() -> None:
    [message] = messages("Email,Company Size,Created At\nada@x.example, 80 ,2026-01-10\n")
    traits = {"email": "ada@x.example", "company_size": "80"}
    assert message == {"type": "identify", "traits": traits, "timestamp": "2026-01-10T00:00:00Z"}


def test_a_row_is_an_event() -> None:
    [message] = messages("email,date,seats\nada@x.example,2026-01-10,3\n", event="Webinar Attended")
    assert message == {
        "type": "track",
        "event": "Webinar Attended",
        "context": {"traits": {"email": "ada@x.example"}},
        "timestamp": "2026-01-10T00:00:00Z",
        "properties": {"seats": "3"},
    }


@pytest.mark.parametrize("nothing", ["", "  ", "NULL", "null", "\\N", "(null)", "NaN", "#N/A"])
def test_what_means_nothing_is_absent(nothing: str) -> None:
    [message] = messages(f"email,plan,user_id\na@x.example,{nothing},{nothing}\n")
    assert message == {"type": "identify", "traits": {"email": "a@x.example"}}


@pytest.mark.parametrize("surname", ["Null", "None", "Nan"])
def test_a_surname_is_not_nothing(surname: str) -> None:
    [message] = messages(f"email,Last Name\na@x.example,{surname}\n")
    assert message["traits"]["last_name"] == surname


def test_a_row_with_times_of_events_is_a_person_and_its_events() -> None:
    person, demo = messages("email,plan,demo_at,trial_at\na@x.example,pro,2026-01-10,\n", event_times=AT)
    assert person == {"type": "identify", "traits": {"email": "a@x.example", "plan": "pro"}}
    assert demo.pop("messageId").startswith("row-")
    assert demo == {
        "type": "track",
        "event": "Demo Requested",
        "timestamp": "2026-01-10T00:00:00Z",
        "context": {"traits": {"email": "a@x.example"}},
    }


def test_an_event_of_a_row_is_the_same_when_the_person_has_changed() -> None:
    before = ids("email,plan,demo_at\na@x.example,pro,2026-01-10\n", event_times={"Demo Requested": "demo_at"})
    after = ids(
        "demo_at,trial_at,phone,plan,email\n2026-01-10T00:00Z,2026-02-01,030 1,team,A@x.example\n", event_times=AT
    )
    assert after[1] == before[1]
    assert after[0] != before[0]
    assert len(set(after)) == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("email,plan\na@x.example,pro\n", "email;Plan\n  a@x.example ;pro;\n"),
        ("email,plan\na@x.example,pro\n", "plan,email\npro,a@x.example\n"),
        ("user_id,event,date\nu1,Liked,2026-01-10\n", "date,user_id,event\n2026-01-10,u1,Liked\n"),
    ],
)
def test_a_row_is_the_same_however_the_table_is_written(first: str, second: str) -> None:
    assert ids(first) == ids(second)


def test_an_event_is_the_same_row_whatever_its_columns_are_said_to_mean() -> None:
    text = "email,date,title\na@x.example,2026-01-10,CTO\n"
    assert ids(text, event="Liked") == ids(text, event="Liked", targets={"title": "traits.job_title"})
    assert ids(text, event="Liked") != ids(text, event="Shared")


def test_a_time_that_can_not_be_read_refuses_its_row() -> None:
    text = "email,created_at,demo_at\na@x.example,2026-01-10,2026-01-11\nb@x.example,soon,\nc@x.example,,01/02/2026\n"
    [(first, said), (second, ambiguous)] = faults(text, event_times={"Demo Requested": "demo_at"})
    assert (first, said) == (3, "`created_at` is not a time: use RFC 3339, such as 2030-01-31T12:00:00Z.")
    assert (second, ambiguous[:30]) == (4, "`demo_at` is ambiguous: say wh")


def test_an_event_of_history_without_its_time_is_refused() -> None:
    text = "email,event,date\na@x.example,Liked,\nb@x.example,Liked,2026-01-10\n"
    assert faults(text) == [(2, "`date` is empty: an event needs a time.")]


def test_objects_are_spread_out_and_refused_if_they_are_none() -> None:
    header = "uuid,event,distinct_id,timestamp,properties\n"
    objects = ('"{""plan"": ""pro"", ""n"": null}"', "[]", "{")
    text = header + "".join(f"m{number},Liked,u1,2026-01-10,{held}\n" for number, held in enumerate(objects))
    [good, *_] = messages(text)
    assert good["properties"] == {"plan": "pro"}
    assert [line for line, said in faults(text) if said == "`properties` must be a JSON object or empty."] == [
        3,
        4,
    ]
