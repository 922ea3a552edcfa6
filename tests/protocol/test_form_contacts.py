"""Which fields of a form are the address, the number, the names and the company of whoever sent it."""

from typing import Any

import pytest

from app.protocol.form_names import contact_of
from app.protocol.forms import read_form


def say(*fields: tuple[str, str]) -> dict[str, Any]:
    return read_form("demo", list(fields)).message


ADDRESS_NAMES = [
    "email",
    "Email",
    "EMAIL",
    "E-Mail",
    "e_mail",
    "e-mail",
    "eMail",
    "email_address",
    "emailAddress",
    "Email-Address",
    "your-email",
    "mail",
    "Mail",
    "contact_email",
    "work_email",
    "business-email",
    "user_email",
    "email-842",
    "email1",
    "E-Mail-Adresse",
    "Emailadresse",
    "e-mailadres",
    "correo",
    "Correo",
    "courriel",
    "adresse_email",
    "_replyto",
    "email_confirm",
    "confirm_email",
    "contact[email]",
    "fields[email]",
    "form_fields[email]",
    "data[Email]",
    "submission[email]",
    "who.email",
]


@pytest.mark.parametrize("name", [*ADDRESS_NAMES, "E\u2011Mail *", " Email ", "Correo electr\u00f3nico", "Email:"])
def test_the_address_is_found_under_its_usual_names(name: str) -> None:
    message = say(("other", "bob@example.com is busy"), (name, " Ada@example.com "), ("topic", "demo"))
    assert message["traits"] == {"other": "bob@example.com is busy", "email": "Ada@example.com", "topic": "demo"}
    assert message["properties"][name] == " Ada@example.com "


@pytest.mark.parametrize(
    "name", ["mailing address", "newsletter", "email_opt_in", "emails per day", "mailbox", "n" * 300]
)
def test_other_names_are_of_no_address(name: str) -> None:
    assert say((name, "x"))["traits"] == {name: "x"}


@pytest.mark.parametrize("name", ["field_7", "input_1.3", "Wie erreichen wir Sie?", "x" * 300])
def test_a_single_address_is_the_senders_whatever_its_field_is_called(name: str) -> None:
    message = say(
        ("input_1", "Ada"), (name, "ada@example.com"), ("raw", "ADA@example.com"), ("recipient", "us@shop.example")
    )
    assert message["traits"]["email"] == "ada@example.com"
    assert message["properties"][name] == "ada@example.com"


@pytest.mark.parametrize(
    "fields",
    [
        [("a", "ada@example.com"), ("b", "bob@example.com")],
        [("a", "write to ada@example.com")],
        [("a", "https://user@example.com/")],
        [("a", "me@localhost")],
        [("recipient", "us@shop.example")],
        [("friend_address", "bob@example.com")],
        [("cc", "bob@example.com")],
    ],
)
def test_nobodys_address_is_guessed(fields: list[tuple[str, str]]) -> None:
    assert "email" not in say(*fields)["traits"]


def test_an_address_filled_in_elsewhere_stands_in_for_one_that_is_none() -> None:
    assert say(("email", "Ada"), ("name", "ada@example.com"))["traits"]["email"] == "ada@example.com"
    assert say(("email", ""), ("text-1", "ada@example.com"))["traits"] == {"email": "ada@example.com"}


@pytest.mark.parametrize(
    "fields",
    [
        [("email", "Ada@x.example"), ("email", "ada@x.example")],
        [("email", "Ada@x.example"), ("email", " Ada@x.example ")],
        [("email", ""), ("email", "Ada@x.example")],
        [("email[]", "Ada@x.example"), ("email[]", "ada@x.example")],
        [("email", "Ada@x.example"), ("email_confirm", "ada@x.example")],
        [("email_confirm", "Ada@x.example"), ("your-email", "ada@x.example")],
        [("email", "nonsense"), ("email-2", "Ada@x.example")],
    ],
)
def test_an_address_asked_for_twice_is_one(fields: list[tuple[str, str]]) -> None:
    assert say(*fields)["traits"] == {"email": "Ada@x.example"}


def test_of_two_addresses_the_first_is_the_persons_and_both_are_kept() -> None:
    message = say(("email", "ada@x.example"), ("email", "bob@x.example"))
    assert message["traits"] == {"email": "ada@x.example"}
    assert message["properties"] == {"email": ["ada@x.example", "bob@x.example"], "form": "demo"}


@pytest.mark.parametrize(
    "name",
    [
        *("txtEmail", "ctl00$Main$txtEmail", "et_pb_contact_email_0", "mce-EMAIL", "newsletter_email", "signup_email"),
        *(
            "reg_email",
            "cf7-email",
            "Corporate email",
            "Adresse de messagerie",
            "\uc774\uba54\uc77c",
            "\u96fb\u5b50\u30e1\u30fc\u30eb",
        ),
        *("billing.invoiceEmail", "Kunden-E-Mail", "Company E-mail 2 *", "frmEMail1"),
    ],
)
def test_the_address_is_found_by_the_end_of_a_name(name: str) -> None:
    message = say(("friend_email", "bob@x.example"), ("Notes", "eve@x.example"), (name, "ada@x.example"))
    assert message["traits"]["email"] == "ada@x.example"


def test_a_usual_name_goes_before_the_end_of_a_name() -> None:
    fields = [("invoice_email", "bob@x.example"), ("email", "ada@x.example")]
    assert say(*fields)["traits"] == {"invoice_email": "bob@x.example", "email": "ada@x.example"}
    assert say(("txtEmail", "Ada@x.example"), ("txtEmail2", "ada@x.example"))["traits"] == {"email": "Ada@x.example"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("company_email_policy", "ada@x.example"), ("emails", "ada@x.example"), ("friend_email", "ada@x.example")),
        *(("fax_phone", "+49 30 123478"), ("phoneme", "+49 30 123478"), ("phone_model", "+49 30 123478")),
    ],
)
def test_names_that_do_not_end_as_a_contact_are_of_none(name: str, value: str) -> None:
    others = [("email", "bob@x.example"), ("phone", "+49 30 123479")]
    traits = say(*others, (name, value))["traits"]
    assert traits == {"email": "bob@x.example", "phone": "+49 30 123479", name: value}
    assert contact_of(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *("Contact Number", "Telephone No.", "WhatsApp", "home_phone", "Day Phone", "et_pb_contact_phone_0"),
        *(
            "ctl00$txtPhone",
            "Telefonnr.",
            "R\xfcckrufnummer",
            "\u041d\u043e\u043c\u0435\u0440 \u0442\u0435\u043b\u0435\u0444\u043e\u043d\u0430",
        ),
        *("\u96fb\u8a71", "\uc804\ud654\ubc88\ud638", "officePhone2", "lead-mobile-number"),
    ],
)
def test_the_telephone_number_is_found_by_more_names(name: str) -> None:
    assert say((name, "030 123459 (B\xfcro)"))["traits"] == {"phone": "030 123459 (B\xfcro)"}


@pytest.mark.parametrize(
    "number", ["+49 30 123459", "0049 30 123459", "030 123459", "(030) 123459", "030/123459", "tel:+4930123459"]
)
@pytest.mark.parametrize("name", ["input_4", "Wie erreichen wir Sie?", "name"])
def test_a_single_number_is_the_senders_whatever_its_field_is_called(name: str, number: str) -> None:
    traits = read_form("demo", [("a", "Ada"), (name, number)], phone_region="DE").message["traits"]
    assert traits == {"a": "Ada", "phone": number}


@pytest.mark.parametrize(
    "fields",
    [
        [("input_4", "+49 30 123459"), ("input_5", "+49 30 123460")],
        [("fax", "+49 30 123459")],
        [("emergency contact", "+49 30 123459")],
        *(
            [("input_4", each)]
            for each in ("30123459", "2026-01-10", "01.02.2026", "10115", "100.000", "call 030 123459")
        ),
        *([("input_4", each)] for each in ("00000000000", "192.168.100.200", "0.123456789", "+49")),
        [("email", "ada@x.example"), ("customer", "030 123459")],
    ],
)
def test_no_number_is_guessed(fields: list[tuple[str, str]]) -> None:
    assert "phone" not in read_form("demo", fields, phone_region="DE").message["traits"]


PHONE_NAMES = [
    "phone",
    "Phone",
    "phone_number",
    "phoneNumber",
    "tel",
    "your-tel",
    "tel-123",
    "telephone",
    "mobile",
    "mobile_phone",
    "cell",
    "Telefon",
    "telefonnummer",
    "Handy",
    "Mobil",
    "telefono",
    "contact[phone]",
    "form_fields[phone]",
    "data.Phone",
]


@pytest.mark.parametrize(
    "name", [*PHONE_NAMES, "T\u00e9l\u00e9phone", "Mobile phone (optional)", "\u96fb\u8a71\u756a\u53f7"]
)
@pytest.mark.parametrize(
    "number", ["+49 (0)30 123456", "(555) 010-0199", "030/123456", "\u0661\u0662\u0663\u0664\u0665\u0666"]
)
def test_a_telephone_number_is_found_under_its_usual_names(name: str, number: str) -> None:
    message = say((name, f" {number}"))
    assert message["traits"] == {"phone": number}
    assert message["properties"] == {name: f" {number}", "form": "demo"}


@pytest.mark.parametrize("value", ["on", "yes", "call me", "12", "+"])
def test_what_is_no_number_is_no_telephone(value: str) -> None:
    assert say(("mobile", value))["traits"] == {"mobile": value}


@pytest.mark.parametrize(
    ("name", "trait"),
    [
        ("First Name", "first_name"),
        ("firstname", "first_name"),
        ("Vorname", "first_name"),
        ("your-name", "name"),
        ("Full name", "name"),
        ("last_name", "last_name"),
        ("Nachname", "last_name"),
        ("Firma", "company"),
        ("company_name", "company"),
        ("company[name]", "company"),
        ("username", "username"),
        ("product[name]", "product[name]"),
        ("business_name", "business_name"),
    ],
)
def test_names_and_companies_are_found_too(name: str, trait: str) -> None:
    assert say((name, "Ada"))["traits"] == {trait: "Ada"}
