"""What each column means: as told, by its usual name, or else a trait by a tidy name; and what can't be understood."""

from typing import Any

import pytest

from app.errors import UnreadableFile
from app.protocol.tables.layout import TableOptions, understand
from app.protocol.tables.names import tidy_name


def meanings(*columns: str, **options: Any) -> list[str]:
    """Where each column is in a message, `""` for one that is left out."""
    layout = understand(columns, TableOptions(**options))
    return [".".join(layout.path_of(target)) if target else "" for target in layout.targets]


@pytest.mark.parametrize(
    ("column", "tidy"),
    [
        ("Company Size", "company_size"),
        ("companySize", "company_size"),
        ("COMPANY SIZE", "company_size"),
        ("  Company -- Size (2026) ", "company_size_2026"),
        ("Region__c", "region"),
        ("HTTPStatus", "http_status"),
        ("$initial_referrer", "initial_referrer"),
        ("Größe", "größe"),
        ("会社", "会社"),
        ("%", "%"),
    ],
)
def test_a_column_gives_its_name_to_a_trait(column: str, tidy: str) -> None:
    assert tidy_name(column) == tidy


@pytest.mark.parametrize(
    ("column", "meaning"),
    [
        *((name, "traits.email") for name in ("Email", "E-mail", "EMAIL", "Email Address", "e_mail", "Work Email")),
        *((name, "traits.email") for name in ("E-Mail-Adresse", "Courriel", "Correo electrónico", "メール")),
        *((name, "traits.phone") for name in ("Telefon", "Mobilnummer", "Téléphone", "Mobile Phone Number")),
        *((name, "traits.phone") for name in ("Phone", "Phone Number", "Mobile Phone", "telephone")),
        *((name, "userId") for name in ("User ID", "user_id", "userId", "USERID")),
        *((name, "anonymousId") for name in ("anonymous_id", "Anonymous ID")),
    ],
)
def test_who_it_is_is_found_under_its_usual_names(column: str, meaning: str) -> None:
    assert meanings("Notes", column) == ["traits.notes", meaning]


def test_traits_have_one_name_whatever_they_are_called() -> None:
    columns = ("email", "First Name", "LASTNAME", "Company Name", "No. of Employees", "jobTitle")
    assert meanings(*columns)[1:] == [
        *("traits.first_name", "traits.last_name", "traits.company", "traits.company_size", "traits.job_title")
    ]


def test_columns_are_found_under_the_usual_names_of_forms() -> None:
    assert meanings("E-Mail", "Vorname", "Nachname", "Firma", "Organisation")[1:] == [
        *("traits.first_name", "traits.last_name", "traits.company", "traits.organisation")
    ]
    assert meanings("E-Mail", "Event", "Firma") == ["context.traits.email", "event", "properties.firma"]


def test_of_two_columns_for_one_field_the_likelier_is_it() -> None:
    assert meanings("Work Email", "Email", "Mobile", "Phone") == [
        *("traits.work_email", "traits.email", "traits.mobile", "traits.phone")
    ]


def test_a_person_is_dated_by_the_last_change_or_else_by_the_beginning() -> None:
    assert meanings("email", "Created At") == ["traits.email", "timestamp"]
    assert meanings("email", "Created At", "Last Modified Date") == ["traits.email", "traits.created_at", "timestamp"]


def test_rows_with_the_name_of_an_event_are_events() -> None:
    assert meanings("email", "Event Name", "Time", "Plan Type") == [
        *("context.traits.email", "event", "timestamp", "properties.plan_type")
    ]


@pytest.mark.parametrize("options", [{"event": "Webinar Attended"}, {"event_column": "what"}])
def test_rows_are_events_if_that_is_told(options: dict[str, str]) -> None:
    what = "event" if "event_column" in options else "properties.what"
    assert meanings("Email", "What", "Date", **options) == ["context.traits.email", what, "timestamp"]


def test_what_is_told_of_a_column_comes_first() -> None:
    targets = {"Firma": "company", "Kunde": "user_id", "E-Mail": "traits.private", "Notes": "", "IP": "context.ip"}
    columns = ("Firma", "kunde", "E-Mail", "Notes", "IP")
    assert meanings(*columns, targets=targets) == ["traits.company", "userId", "traits.private", "", "context.ip"]


def test_a_usual_name_whose_meaning_is_taken_is_a_trait_of_its_own() -> None:
    assert meanings("Firma", "Company Name", "email", targets={"Firma": "company"})[:2] == [
        *("traits.company", "traits.company_name")
    ]


def test_the_column_of_the_time_can_be_told() -> None:
    assert meanings("email", "Created At", "Signed", time="signed") == [
        "traits.email",
        "traits.created_at",
        "timestamp",
    ]


def test_columns_that_date_events_are_no_traits() -> None:
    layout = understand(("email", "Trial Started At"), TableOptions(event_times={"Trial Started": "trial_started_at"}))
    assert (layout.kind, layout.targets, layout.event_times) == ("person", ("email", ""), (("Trial Started", 1),))


@pytest.mark.parametrize(
    "options",
    [
        {"targets": {"Firma": "company"}},
        {"time": "Firma"},
        {"event_column": "Firma"},
        {"event_times": {"Trial Started": "Firma"}},
    ],
)
def test_a_column_that_is_not_there_is_refused_with_those_that_are(options: dict[str, Any]) -> None:
    with pytest.raises(UnreadableFile, match=r"no column `Firma` in the file. Its columns: Email, Company\."):
        understand(("Email", "Company"), TableOptions(**options))


@pytest.mark.parametrize("columns", [("Name", "Company"), ("id", "mailing_list"), ("created_at", "plan")])
def test_a_table_that_names_nobody_is_refused_with_its_columns(columns: tuple[str, ...]) -> None:
    with pytest.raises(
        UnreadableFile, match=f'identifies the person. The columns: {", ".join(columns)}.*--map "{columns[0]}='
    ):
        understand(columns, TableOptions())


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        (("email", "Plan Type", "plan_type"), {}),
        (("email", "Firma", "Company"), {"targets": {"Firma": "traits.company"}}),
        (("email", "a", "b"), {"targets": {"a": "x", "b": "x"}}),
    ],
)
def test_two_columns_for_one_trait_are_refused_with_the_remedy(columns: tuple[str, ...], options: Any) -> None:
    with pytest.raises(UnreadableFile, match=f'`{columns[1]}` and `{columns[2]}` would both .*--map "{columns[2]}='):
        understand(columns, TableOptions(**options))
