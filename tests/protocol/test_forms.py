"""What a form says: who it is from, what its fields are, and what is nobody's business."""

from datetime import UTC, datetime
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
    assert read_form("demo", [("_next", " /thanks\n")]).next_url == "/thanks"
    assert post.message["properties"] == {"form": "demo"}


@pytest.mark.parametrize("opened_at", ["1773144000000", "2026-03-10T12:00:00Z"])
def test_signs_of_people_are_kept_apart(opened_at: str) -> None:
    post = read_form("demo", [("_opened_at", opened_at), ("altcha", "solution")])
    assert (post.opened_at, post.proof) == (datetime(2026, 3, 10, 12, tzinfo=UTC), "solution")
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


@pytest.mark.parametrize("text", ["x" * 17_000, "\u5b57" * 6_000, ["x" * 1_500, "y" * 1_500]])
def test_a_text_that_is_too_long_for_a_trait_is_a_property_alone(text: str | list[str]) -> None:
    texts = text if isinstance(text, list) else [text]
    message = say(("email", "a@b.c"), *(("message", each) for each in texts))
    assert message["traits"] == {"email": "a@b.c"}
    assert message["properties"]["message"] == text


def say(*fields: tuple[str, str]) -> dict[str, Any]:
    return read_form("demo", list(fields)).message


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
    *("pass1", "pass2", "pw", "pwd1", "userpwd", "newpass", "oldpass", "txtPass", "txtPwd", "inputPwd", "loginPass"),
    *("PIN", "pin", "userPin", "cvvCode", "cvv_code", "cvc_code", "card_code", "ccn", "pan", "card-nr", "cardExp"),
    *("kartennr", "debitCardNo", "cptch_number", "vcode", "kaptcha", "password_hint", "creditCardExpiry"),
    *("has\u0142o", "l\xf6senord", "\u015eifre", "\u5bc6\u7801", "\u30d1\u30b9\u30ef\u30fc\u30c9"),
    *("\ube44\ubc00\ubc88\ud638", "clave", "Contrase\xf1a", "mdp", "n\xfamero de tarjeta"),
]


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_and_plumbing_are_never_kept(name: str) -> None:
    message = read_form("demo", [(name, "ada@secret.example")], {name: "mapped"}).message
    assert (message["properties"], message["traits"]) == ({"form": "demo"}, {})


@pytest.mark.parametrize(
    "name",
    [
        *("passport", "compass", "tokens", "card", "capacity", "company_size", "passport_no", "pinterest", "pin_code"),
        *(
            "encompass",
            "palabra_clave",
            "pan-european",
            "discard_note",
            "panel",
            "promo_code",
            "cardiology",
            "Passenger",
        ),
    ],
)
def test_names_that_only_look_like_secrets_are_kept(name: str) -> None:
    assert say((name, "x"))["traits"] == {name: "x"}


@pytest.mark.parametrize(
    "number",
    [
        *("4111 1111 1111 1111", "4111-1111-1111-1111", "5555555555554444", "378282246310005", "4222222222222"),
        *("4111111111111111\n", "4111\u20111111\u20111111\u20111111", "4111.1111.1111.1111", "4111/1111/1111/1111"),
        *("4111\u200b1111\u200b1111\u200b1111", "\uff14" + "\uff11" * 15, "4111 1111 1111 1111 12/29 123"),
    ],
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
        *((name, "4111111111111111") for name in ("order_no", "Invoice number", "trackingId", "Bestellnummer", "IMEI")),
        *(("field_7", each) for each in ("2026-01-10 12:00:00", "52.520008 13.404954", "+4111 1111 1111 1111")),
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
        ([("email", "nonsense")], ("email",)),
        ([("Your E-Mail", "nonsense")], ("email",)),
        ([("txtEmail", "nonsense")], ("email",)),
        ([("email", "")], ("email",)),
        ([("phone", "12")], ("phone",)),
        ([("home_phone", "call me")], ("phone",)),
        ([("email", ""), ("phone", "")], ("email", "phone")),
        ([("kontakt", "nonsense")], ("email",)),
        ([("email", "ada@x.example")], ()),
        ([("email", "nonsense"), ("phone", "+49 30 123456")], ()),
        ([("email", "nonsense"), ("userId", "null")], ()),
        ([("email", "nonsense"), ("anonymousId", "a1")], ()),
        ([("colour", "red"), ("email_opt_in", "yes")], ()),
        ([], ()),
    ],
)
def test_only_a_contact_that_could_be_filled_in_better_is_unusable(
    fields: list[tuple[str, str]], unusable: tuple[str, ...]
) -> None:
    assert read_form("demo", fields, {"Kontakt": "email"}).unusable_contacts == unusable
