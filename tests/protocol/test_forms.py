"""What a form says: who it is from, what its fields are, and what is nobody's business."""

from typing import Any

import pytest

from app.protocol.forms import form_write_key, read_form


def test_a_form_is_an_event_with_its_name() -> None:
    message = read_form("demo", [("email", "ada@b.c")]).message
    assert message["event"] == "Form Submitted"
    assert message["properties"] == {"email": "ada@b.c", "form": "demo"}
    assert message["traits"] == {"email": "ada@b.c"}


def test_fields_of_the_protocol_mean_what_they_mean() -> None:
    control = {"event": "Demo Requested", "userId": "u1", "anonymousId": "a1", "messageId": "m1"}
    message = read_form("demo", [*control.items()]).message
    assert message == control | {"properties": {"form": "demo"}, "traits": {}}


def test_fields_that_steer_are_kept_apart() -> None:
    post = read_form("demo", [("_next", "/thanks"), ("_gotcha", ""), ("writeKey", "k")])
    assert (post.next_url, post.honeypot_filled) == ("/thanks", False)
    assert post.message["properties"] == {"form": "demo"}


def test_without_them_nothing_steers() -> None:
    post = read_form("demo", [("_next", ""), ("writeKey", "")])
    assert (post.next_url, post.honeypot_filled, form_write_key([("writeKey", "")])) == (None, False, None)


def test_a_filled_honeypot_is_told() -> None:
    assert read_form("demo", [("_gotcha", ""), ("_gotcha", "bot")]).honeypot_filled


def test_a_named_property_is_no_trait() -> None:
    message = read_form("demo", [("properties[plan]", "pro"), ("plan", "free")]).message
    assert message["properties"] == {"plan": "pro", "form": "demo"}
    assert message["traits"] == {"plan": "free"}


def test_a_repeated_field_is_a_list() -> None:
    message = read_form(
        "demo", [("topic", "a"), ("topic", "b"), ("properties[x]", "1"), ("properties[x]", "2")]
    ).message
    assert message["properties"] == {"topic": ["a", "b"], "x": ["1", "2"], "form": "demo"}


def test_a_field_left_blank_is_no_trait() -> None:
    message = read_form("demo", [("company", " "), ("topic", ""), ("topic", "")]).message
    assert message["properties"] == {"company": " ", "topic": "", "form": "demo"}
    assert message["traits"] == {}


def test_the_forms_name_is_that_of_its_path() -> None:
    assert read_form("demo", [("form", "forged"), ("", "nameless")]).message["properties"] == {"form": "demo"}


def say(*fields: tuple[str, str]) -> dict[str, Any]:
    return read_form("demo", list(fields)).message


# --- The address and the number ----------------------------------------------------------------------------------

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


# --- What the key maps -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Ihre Firma", "ihre firma", " Ihre  Firma ", "IHRE FIRMA\u200b"])
def test_a_key_maps_names_onto_traits_whatever_the_case_and_blanks(name: str) -> None:
    message = read_form("demo", [(name, "Acme")], {"Ihre Firma": "employer"}).message
    assert message["traits"] == {"employer": "Acme"}
    assert message["properties"] == {name: "Acme", "form": "demo"}


def test_what_the_key_maps_goes_before_what_names_usually_mean() -> None:
    fields = [("email", "office@x.example"), ("Kontakt", "ada@x.example"), ("phone", "x12345"), ("topics[]", "a")]
    mapped = {"kontakt": "email", "phone": "extension", "topics": "interests"}
    assert read_form("demo", fields, mapped).message["traits"] == {
        "email": "ada@x.example",
        "extension": "x12345",
        "interests": ["a"],
    }


# --- Repeated fields ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ([("a", "0"), ("a", "1")], "1"),
        ([("a", "0")], "0"),
        ([("a", "false"), ("a", "true")], "true"),
        ([("a", ""), ("a", "on")], "on"),
        ([("a", "no"), ("a", "Yes")], "Yes"),
        ([("a", "1"), ("a", "0")], "0"),
        ([("a", ""), ("a", "x")], "x"),
        ([("a", "x"), ("a", "y")], ["x", "y"]),
        ([("a", "1"), ("a", "2")], ["1", "2"]),
        ([("a", "x"), ("a", "x")], "x"),
        ([("a[]", "0"), ("a[]", "1")], ["0", "1"]),
        ([("a[]", "x")], ["x"]),
        ([("a[]", ""), ("a[]", "x")], ["x"]),
        ([("a[0]", "x"), ("a[1]", "x")], ["x", "x"]),
        ([("a", "x"), ("a[]", "y")], ["x", "y"]),
        ([("properties[a][]", "x")], ["x"]),
    ],
)
def test_a_switch_has_its_last_value_and_other_repeated_fields_are_lists(
    fields: list[tuple[str, str]], answer: str | list[str]
) -> None:
    assert say(*fields)["properties"] == {"a": answer, "form": "demo"}


# --- What is nobody's business -----------------------------------------------------------------------------------

SECRETS = [
    "password",
    "Password",
    "passwd",
    "pwd",
    "pass",
    "user_pass",
    "kennwort",
    "Passwort",
    "new-password",
    "password_confirmation",
    "user[password]",
    "card_number",
    "cc-number",
    "cardnumber",
    "creditCardNumber",
    "cvc",
    "cvv",
    "CVC2",
    "csc",
    "card[cvc]",
    "cc-exp",
    "iban",
    "g-recaptcha-response",
    "h-captcha-response",
    "cf-turnstile-response",
    "frc-captcha-solution",
    "altcha",
    "captcha_code",
    "csrf_token",
    "_csrf",
    "_token",
    "authenticity_token",
    "csrfmiddlewaretoken",
    "__RequestVerificationToken",
    "__VIEWSTATE",
    "__EVENTVALIDATION",
    "_wpnonce",
    "form_nonce",
    "form[_token]",
    "properties[password]",
    "_wpcf7",
    "_wpcf7_unit_tag",
    "_wp_http_referer",
    "_method",
    "utf8",
    "form-name",
    "_charset_",
]


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_and_plumbing_are_never_kept(name: str) -> None:
    message = read_form("demo", [(name, "ada@secret.example")], {name: "mapped"}).message
    assert (message["properties"], message["traits"]) == ({"form": "demo"}, {})


@pytest.mark.parametrize("name", ["passport", "compass", "tokens", "card", "capacity", "company_size"])
def test_names_that_only_look_like_secrets_are_kept(name: str) -> None:
    assert say((name, "x"))["traits"] == {name: "x"}


@pytest.mark.parametrize(
    "number", ["4111 1111 1111 1111", "4111-1111-1111-1111", "5555555555554444", "378282246310005", "4222222222222"]
)
@pytest.mark.parametrize("name", ["message", "number", "field_7"])
def test_the_number_of_a_card_is_never_kept(name: str, number: str) -> None:
    assert say((name, number))["properties"] == {"form": "demo"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("message", "4111 1111 1111 1112"),
        ("sent_at", "1700000000000"),
        ("order_id", "4111111111111111"),
        ("phone", "4111 1111 1111 1111"),
        ("seats", "42"),
    ],
)
def test_other_long_numbers_are_kept(name: str, value: str) -> None:
    assert say((name, value))["properties"] == {name: value, "form": "demo"}


@pytest.mark.parametrize("name", ["_gotcha", "_honey", "bot-field", "honeypot"])
def test_the_usual_honeypots_tell_bots(name: str) -> None:
    assert read_form("demo", [(name, "buy")]).honeypot_filled
    assert not read_form("demo", [(name, "")]).honeypot_filled
    assert say((name, "buy"))["properties"] == {"form": "demo"}


# --- Whose fault it is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "unusable"),
    [
        ([("email", "nonsense")], True),
        ([("Your E-Mail", "nonsense")], True),
        ([("email", "")], True),
        ([("email", ""), ("phone", "")], True),
        ([("kontakt", "nonsense")], True),
        ([("email", "ada@x.example")], False),
        ([("email", "nonsense"), ("phone", "+49 30 123456")], False),
        ([("email", "nonsense"), ("userId", "null")], False),
        ([("email", "nonsense"), ("anonymousId", "a1")], False),
        ([("colour", "red")], False),
        ([], False),
    ],
)
def test_only_a_contact_that_could_be_filled_in_better_is_unusable(
    fields: list[tuple[str, str]], unusable: bool
) -> None:
    assert read_form("demo", fields, {"Kontakt": "email"}).contact_is_unusable is unusable
