"""Which values name a person."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidMessage
from app.protocol.identities import read_identities, read_identity, readable_identities
from app.protocol.values import is_storable
from app.scoring.events import Identity, IdentityKind

REGION = "DE"


def link(message: dict[str, Any], type_: str = "track", *, trusted: bool = False, **traits: Any) -> list[str]:
    found = read_identities(message, message_type=type_, trusted=trusted, traits=[traits], phone_region=REGION)
    return [str(identity) for identity in found]


@pytest.mark.parametrize("value", [None, "", "   ", "\u00a0\n"])
def test_an_absent_id_is_no_identity(value: Any) -> None:
    assert read_identity("user_id", value) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((" u1 ", "u1"), (42, "42"), (1e3, "1000"), ("U1", "U1"), ("n" * 200, "n" * 200)),
        *(("\u200bu1", "u1"), ("\ufeffu1\u00ad\u3000", "u1"), (f"\u2067{'n' * 200}\u2069", "n" * 200)),
    ],
)
def test_an_id_is_trimmed_text_in_its_own_case(value: Any, text: str) -> None:
    assert read_identity("user_id", value) == Identity("user_id", text)


WORDS = [
    *("null", "NULL", "undefined", "None", "nil", "NaN", "anonymous", "Guest", "unknown", " null ", "true", "False"),
    *(
        "(null)",
        "<nil>",
        '"undefined"',
        "undefined-undefined",
        "null null",
        "n\u200bull",
        "ｎｕｌｌ",
        "n/a",
        "n.a",
        "#N/A",
    ),
    *("#N/D", "#NV", "#DIV/0!", "#\u00a1REF!", "null@null.com", "Undefined@undefined", "none@NONE.com"),
    *("currentUser", "user", "Visitor", "anon", "unset", "undef", "(no value)", "no_user", "empty", "System.DBNull"),
    *("Optional(nil)", "\\N", "tbd", "REPLACE_ME", "unknown visitor", "noId"),
    *("not_authenticated", "notAuthenticated", "Not Logged In", "(not set)", "AnonymousUser"),
]
FIELDS = ["id", "ID", "user_id", "userId", "User-ID", "email", "distinct_id", "anonymous_id", "client id", "uuid"]
FIELDS += ["ajs_user_id", "_ga", "profile_id", "subscriberId", "user_uuid"]
PLACEHOLDERS = [
    *("{{user_id}}", "{{ user.id }}", "${userId}", "%user_id%", "<%= user.id %>", "<user_id>", "{user_id}"),
    *("[user_id]", ":user_id", "__USER_ID__", "$user_id", "#{user.id}", "user-{{id}}", "u${id}@x", "{% id %}"),
    *("YOUR_USER_ID", "USER_ID_HERE", "<YOUR_USER_ID>", "insert-user-id-here", "myUserId", "enter id"),
    *(
        "%7B%7Buser_id%7D%7D",
        "&lt;user_id&gt;",
        "%24%7BuserId%7D",
        "&#123;&#123;id&#125;&#125;",
        "@Model.UserId",
        "@user.id",
    ),
    *("user_undefined", "userId: null", "id=None", "anon-null", "session_undefined", "change_me", "string"),
    *("this.userId", "props.user.id", "() => id", "async function id() { return 1 }", "Promise { <pending> }"),
    *("[[user.id]]", "*|EMAIL|*", "%%email%%", "%s", "%(user_id)s", "<?= $id ?>"),
]
OBJECTS = ["[object Object]", "[object Undefined]", "<generator object ids at 0x7f>", "#<User>", "{}", "[]"]
ZEROS = [
    "0",
    "\u0660",
    "0x0",
    "0e0",
    "-0",
    "-1",
    "\u22121",
    "000",
    "0.0",
    "00000000-0000-0000-0000-000000000000",
    f"{{{'0' * 32}}}",
]
GREATEST = ["ffffffff-ffff-ffff-ffff-ffffffffffff", "F" * 32]
SIGNS = ["-", "--", "...", "?", '""', "_", "\u200b", "\u2060\ufeff", "\u2014"]
OTHERS: list[Any] = [0, -1, 0.0, True, False, [], {}, ["u1"], "n" * 201]


@pytest.mark.parametrize(
    "value", [*WORDS, *FIELDS, *PLACEHOLDERS, *OBJECTS, *ZEROS, *GREATEST, *SIGNS, *OTHERS], ids=ascii
)
def test_an_id_that_can_not_mean_one_person_is_refused(value: Any) -> None:
    with pytest.raises(InvalidMessage) as refused:
        read_identity("user_id", value, "userId")
    assert refused.value.code == "invalid-identity"
    assert "`userId`" in refused.value.detail


PLAIN = ("u1", "a", "7", "42", "-7", "ada-lovelace", "user_1", "id1", "nils", "nullmeier", "ffff", "山田", "Ådahl")
MADE = ("{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}", "auth0|abc", "$device:1a-2b", "@ada", "user:42", "email@x.example")
NEARLY_NOBODY = [
    *("@ada.lovelace", "nora", "usher", "Mina", "YOUR_USER_ID_7", "where", "anona", "budi_id", "100%", "a&b"),
    *("christopher-null", "budi.id", "stringer", "#ada", "user-nan", "none@example.com", "ada@none.com"),
]


@pytest.mark.parametrize("value", [*PLAIN, *MADE, *NEARLY_NOBODY], ids=ascii)
def test_an_id_that_may_be_somebodys_is_taken(value: str) -> None:
    assert read_identity("user_id", value) == Identity("user_id", value)


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_an_id_that_can_not_be_stored_is_refused_even_outside_a_message(value: str) -> None:
    with pytest.raises(InvalidMessage) as refused:
        read_identity("user_id", value)
    assert refused.value.code == "invalid-characters"


@pytest.mark.parametrize(
    "value", ["Ada@Example.com", "  ada@EXAMPLE.com\n", "ada@example.com\u200b", "Ada <ada@example.com>,"]
)
def test_an_email_is_its_one_form(value: str) -> None:
    assert read_identity("email", value) == Identity("email", "ada@example.com")


@pytest.mark.parametrize("value", ["+49 30 123456", "0049 30 123456", "030 123456", "+493012 3456 ", 30123456])
def test_a_phone_number_is_in_e164(value: Any) -> None:
    assert read_identity("phone", value, phone_region="DE") == Identity("phone", "+4930123456")


@pytest.mark.parametrize("kind", ["email", "phone"])
@pytest.mark.parametrize(
    "value",
    [
        "ada",
        "null@null.com",
        "noemail@noemail.com",
        "0000000",
        "\ud800@b.c",
        "a@" + "b" * 200,
        "",
        None,
        1,
        True,
        [],
        {},
    ],
)
def test_an_unusable_email_or_phone_number_is_no_identity_and_no_error(kind: IdentityKind, value: Any) -> None:
    assert read_identity(kind, value, phone_region="DE") is None


def test_identities_stand_strongest_first() -> None:
    message = {"anonymousId": "a1", "userId": "u1"}
    found = link(message, email="a@b.c", phone="030 123456")
    assert found == ["user_id:u1", "email:a@b.c", "phone:+4930123456", "anonymous_id:a1"]


def test_an_identity_is_given_once() -> None:
    traits = [{"email": "a@b.c", "phone": "030 123456"}, {"email": "A@B.C", "phone": "+4930123456"}]
    message = {"userId": "u1"}
    found = read_identities(message, message_type="track", trusted=False, traits=traits, phone_region="DE")
    assert [str(each) for each in found] == ["user_id:u1", "email:a@b.c", "phone:+4930123456"]


def test_a_user_id_that_is_an_address_is_that_address_too() -> None:
    assert link({"userId": "ada@x.example"}) == ["user_id:ada@x.example", "email:ada@x.example"]
    assert link({"anonymousId": "Ada@x.example"}) == ["anonymous_id:Ada@x.example"]


@pytest.mark.parametrize(
    ("value", "address"),
    [
        *((each, "ada@x.example") for each in ("Ada@X.example", "ADA@X.EXAMPLE", "ada@x.example,", "<ada@x.example>")),
        *((each, "bo@m\xfcnchen.example") for each in ("bo@mu\u0308nchen.example", "bo@xn--mnchen-3ya.example")),
    ],
)
def test_a_user_id_that_is_an_address_is_its_one_form(value: str, address: str) -> None:
    assert read_identity("user_id", value) == Identity("user_id", address)
    assert link({"userId": value}) == [f"user_id:{address}", f"email:{address}"]


@pytest.mark.parametrize(
    "value", ["Acme:ada@x.example", "ada@x.example/2", "U1 <ada@x.example>", "Ada@x.example (7)", "@Ada"]
)
def test_a_user_id_that_only_holds_an_address_is_left_alone(value: str) -> None:
    assert link({"userId": value}) == [f"user_id:{value}"]


@pytest.mark.parametrize("type_", ["track", "page", "screen", "group"])
@pytest.mark.parametrize("contact", [{"email": "a@b.c"}, {"phone": "030 123456"}])
def test_a_message_with_an_email_or_a_phone_number_alone_names_nobody(type_: str, contact: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage, match="has no identity: send a `userId` or an `anonymousId`") as refused:
        link({}, type_, **contact)
    assert refused.value.code == "invalid-identity"


@pytest.mark.parametrize("type_", ["track", "page", "screen", "group"])
def test_an_email_is_enough_for_whatever_is_trusted(type_: str) -> None:
    assert link({}, type_, trusted=True, email="a@x.example") == ["email:a@x.example"]


@pytest.mark.parametrize("type_", ["identify", "form"])
def test_an_email_or_a_phone_number_is_enough_for_an_identify_and_for_a_form(type_: str) -> None:
    assert link({"userId": None, "anonymousId": ""}, type_, email="a@b.c") == ["email:a@b.c"]
    assert link({}, type_, email="ada", phone="+49 30 123456") == ["phone:+4930123456"]


@pytest.mark.parametrize("type_", ["identify", "form"])
def test_an_unusable_email_or_phone_number_is_not_enough(type_: str) -> None:
    with pytest.raises(InvalidMessage, match="correct its `email`"):
        link({}, type_, email="ada")
    with pytest.raises(InvalidMessage, match="write its `phone` in international form"):
        link({}, type_, phone="110")
    with pytest.raises(InvalidMessage, match="an `email` or a `phone`"):
        link({}, type_, email=" ", phone="")


def test_an_unusable_email_or_phone_number_beside_a_good_id_costs_nothing() -> None:
    assert link({"userId": "u1"}, email="ada", phone="ask me") == ["user_id:u1"]


def test_a_meaningless_id_beside_a_good_one_refuses_the_message() -> None:
    with pytest.raises(InvalidMessage, match="`anonymousId` identifies nobody"):
        link({"userId": "u1", "anonymousId": "undefined"})


def test_a_browsers_alias_claims_an_anonymous_id_alone() -> None:
    assert link({"userId": "u1", "previousId": "x"}, "alias") == ["user_id:u1", "anonymous_id:x"]


def test_a_trusted_alias_joins_whatever_the_previous_id_names() -> None:
    found = link({"userId": "u1", "previousId": "u0", "anonymousId": "a1"}, "alias", trusted=True)
    assert found == ["user_id:u1", "user_id:u0", "anonymous_id:u0", "anonymous_id:a1"]


def test_a_trusted_alias_joins_addresses() -> None:
    message = {"userId": "b@x.example", "previousId": "A@x.example"}
    assert link(message, "alias", trusted=True) == [
        *("user_id:b@x.example", "user_id:a@x.example", "email:b@x.example", "email:a@x.example"),
        "anonymous_id:A@x.example",
    ]
    assert link(message, "alias") == ["user_id:b@x.example", "email:b@x.example", "anonymous_id:A@x.example"]


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


# --- Messages that were refused ---------------------------------------------------------------------------------


def readable(message: Any) -> list[str]:
    return [str(identity) for identity in readable_identities(message, phone_region=REGION)]


@pytest.mark.parametrize(
    ("message", "identities"),
    [
        ({"userId": "u1", "anonymousId": "a1"}, ["user_id:u1", "anonymous_id:a1"]),
        ({"userId": 42}, ["user_id:42"]),
        ({"previousId": "x"}, ["user_id:x", "anonymous_id:x"]),
        ({"userId": "A@x.example"}, ["user_id:a@x.example", "email:a@x.example"]),
        ({"traits": {"email": " A@X.example ", "phone": "030 123456"}}, ["email:a@x.example", "phone:+4930123456"]),
        ({"context": {"traits": {"email": "a@x.example"}}}, ["email:a@x.example"]),
        ({"traits": {"email": "a@x.example"}, "context": {"traits": {"email": "b@x.example"}}}, 2),
        ({"userId": "u1", "user_id": "u1"}, ["user_id:u1"]),
    ],
    ids=str,
)
def test_a_refused_message_names_whoever_can_be_read_from_it(message: Any, identities: list[str] | int) -> None:
    found = readable(message)
    assert (len(found) if isinstance(identities, int) else found) == identities


@pytest.mark.parametrize(
    "message",
    [
        {"user_id": "u1", "email": "a@x.example"},
        {"UserID": "u1", "Email": None, "traits": {"email": "a@x.example"}},
        {"distinct_id": "u1", "context": {"traits": {"email": "a@x.example"}}},
    ],
    ids=str,
)
def test_a_refused_message_is_read_by_other_names_of_its_fields_as_well(message: Any) -> None:
    assert readable(message) == ["user_id:u1", "email:a@x.example"]


@pytest.mark.parametrize(
    "bad", ["null", "u\0x", "u\ud800x", "n" * 201, ["u1"], {}, True, 0, float("inf") * 0], ids=ascii
)
def test_an_id_that_can_not_be_read_costs_the_others_nothing(bad: Any) -> None:
    message = {"userId": bad, "anonymousId": "a1", "traits": {"email": "a@x.example"}}
    assert readable(message) == ["email:a@x.example", "anonymous_id:a1"]


def test_an_id_beyond_many_other_fields_is_read() -> None:
    assert readable(dict.fromkeys(map(str, range(1_000)), 1) | {"userId": "u1"}) == ["user_id:u1"]


@pytest.mark.parametrize(
    "message", ["{'userId': 'u1'}", None, ["u1"], 42, {}, {"traits": ["a@x.example"], "context": 1}]
)
def test_what_names_nobody_has_no_identities(message: Any) -> None:
    assert readable(message) == []


texts = st.text(st.characters() | st.sampled_from("\0\ud800@.")) | st.sampled_from(
    ["a@x.example", "null", "+4930123456"]
)
values = st.none() | st.booleans() | st.integers() | st.floats() | texts
anything = st.recursive(values, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=5)
fields = st.sampled_from(["userId", "anonymousId", "previousId", "user_id", "email", "phone", "traits", "context"])


@given(message=st.dictionaries(fields, anything | st.dictionaries(fields, anything)) | anything)
def test_reading_whom_a_message_names_never_fails(message: Any) -> None:
    assert all(map(is_storable, readable(message)))
