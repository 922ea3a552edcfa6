"""Which values name a person."""

from typing import Any

import pytest

from app.errors import InvalidMessage
from app.protocol.identities import read_identities, read_identity
from app.scoring.events import Identity


def link(message: dict[str, Any], type_: str = "track", *, trusted: bool = False, email: Any = None) -> list[str]:
    found = read_identities(message, message_type=type_, trusted=trusted, emails=[email])
    return [str(identity) for identity in found]


@pytest.mark.parametrize("value", [None, "", "   "])
def test_an_absent_id_is_no_identity(value: Any) -> None:
    assert read_identity("user_id", value) is None


@pytest.mark.parametrize(
    ("value", "text"), [(" u1 ", "u1"), (42, "42"), (1e3, "1000"), ("U1", "U1"), ("n" * 200, "n" * 200)]
)
def test_an_id_is_stripped_text_in_its_own_case(value: Any, text: str) -> None:
    assert read_identity("user_id", value) == Identity("user_id", text)


@pytest.mark.parametrize(
    "value",
    [
        *("null", "NULL", "undefined", "None", "nil", "NaN", "anonymous", "Guest", "unknown", " null "),
        *("true", "False", "[object Object]", "0", "-0", "-1", "000", "00000000-0000-0000-0000-000000000000"),
        *(0, -1, 0.0, True, False, [], {}, ["u1"], "n" * 201),
    ],
)
def test_an_id_that_can_not_mean_one_person_is_refused(value: Any) -> None:
    with pytest.raises(InvalidMessage) as refused:
        read_identity("user_id", value, "userId")
    assert refused.value.code == "invalid-identity"
    assert "`userId`" in refused.value.detail


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_an_id_that_can_not_be_stored_is_refused_even_outside_a_message(value: str) -> None:
    with pytest.raises(InvalidMessage) as refused:
        read_identity("user_id", value)
    assert refused.value.code == "invalid-characters"


@pytest.mark.parametrize("value", ["Ada@Example.com", "  ada@EXAMPLE.com\n"])
def test_an_email_is_lowercased(value: str) -> None:
    assert read_identity("email", value) == Identity("email", "ada@example.com")


@pytest.mark.parametrize(
    "value",
    [
        *("ada", "@example.com", "ada@", "a@b@c", "ada @example.com", "", "a\0@b.c", "\ud800@b.c", "a@" + "b" * 200),
        *(None, 1, True, [], {}),
    ],
)
def test_an_unusable_email_is_no_identity_and_no_error(value: Any) -> None:
    assert read_identity("email", value) is None


def test_identities_stand_strongest_first() -> None:
    message = {"anonymousId": "a1", "userId": "u1"}
    assert link(message, email="a@b.c") == ["user_id:u1", "email:a@b.c", "anonymous_id:a1"]


def test_an_identity_is_given_once() -> None:
    emails = ["a@b.c", "A@B.C"]
    found = read_identities({"userId": "u1"}, message_type="track", trusted=False, emails=emails)
    assert found == (Identity("user_id", "u1"), Identity("email", "a@b.c"))


@pytest.mark.parametrize("type_", ["track", "page", "screen", "group"])
def test_a_message_with_an_email_alone_names_nobody(type_: str) -> None:
    with pytest.raises(InvalidMessage, match="names nobody: send a `userId` or an `anonymousId`") as refused:
        link({}, type_, email="a@b.c")
    assert refused.value.code == "invalid-identity"


@pytest.mark.parametrize("type_", ["track", "page", "screen", "group"])
def test_an_email_is_enough_for_whatever_is_trusted(type_: str) -> None:
    assert link({}, type_, trusted=True, email="a@x.example") == ["email:a@x.example"]


@pytest.mark.parametrize("type_", ["identify", "form"])
def test_an_email_is_enough_for_an_identify_and_for_a_form(type_: str) -> None:
    assert link({"userId": None, "anonymousId": ""}, type_, email="a@b.c") == ["email:a@b.c"]


@pytest.mark.parametrize("type_", ["identify", "form"])
def test_an_unusable_email_is_not_enough(type_: str) -> None:
    with pytest.raises(InvalidMessage, match="`email` is no address"):
        link({}, type_, email="ada")
    with pytest.raises(InvalidMessage, match="or an `email`"):
        link({}, type_, email=" ")


def test_an_unusable_email_beside_a_good_id_costs_nothing() -> None:
    assert link({"userId": "u1"}, email="ada") == ["user_id:u1"]


def test_a_meaningless_id_beside_a_good_one_refuses_the_message() -> None:
    with pytest.raises(InvalidMessage, match="`anonymousId` names nobody"):
        link({"userId": "u1", "anonymousId": "undefined"})


def test_a_browsers_alias_claims_an_anonymous_id_alone() -> None:
    assert link({"userId": "u1", "previousId": "x"}, "alias") == ["user_id:u1", "anonymous_id:x"]


def test_a_trusted_alias_joins_whatever_the_previous_id_names() -> None:
    found = link({"userId": "u1", "previousId": "u0", "anonymousId": "a1"}, "alias", trusted=True)
    assert found == ["user_id:u1", "user_id:u0", "anonymous_id:u0", "anonymous_id:a1"]


@pytest.mark.parametrize("trusted", [True, False])
def test_an_alias_of_oneself_is_tolerated(trusted: bool) -> None:
    assert link({"userId": "u1", "previousId": "u1"}, "alias", trusted=trusted) == ["user_id:u1", "anonymous_id:u1"]


@pytest.mark.parametrize("message", [{"userId": "u1"}, {"previousId": "a1"}, {"previousId": "a1", "anonymousId": "a1"}])
def test_an_alias_needs_both_its_ids(message: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage, match="An alias needs a") as refused:
        link(message, "alias")
    assert refused.value.code == "invalid-identity"


def test_a_previous_id_outside_an_alias_is_ignored() -> None:
    assert link({"userId": "u1", "previousId": "null"}) == ["user_id:u1"]
