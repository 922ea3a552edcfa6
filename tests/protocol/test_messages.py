"""One message becomes one event, or is refused by the field that is wrong."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidMessage
from app.protocol.forms import read_form
from app.protocol.messages import MAX_MESSAGE_BYTES, Sender, read_message
from app.scoring.events import Event

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
BROWSER = Sender("website", trusted=False)
SERVER = Sender("crm", trusted=True)
FIELDS = ["type", "userId", "anonymousId", "previousId", "groupId", "event", "name", "category", "messageId"]
FIELDS += ["timestamp", "originalTimestamp", "sentAt", "context", "properties", "traits", "email"]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.sampled_from(["u1", "\0"]),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), children, max_size=5),
    max_leaves=12,
)


def read(message: Any, *, type: str | None = None, sender: Sender = BROWSER) -> Event:  # noqa: A002 - as in the code
    return read_message(message, type=type, sender=sender, received_at=NOW)


def track(**fields: Any) -> Event:
    return read({"type": "track", "event": "Trial Started", "userId": "u1"} | fields)


def refusal(message: Any, type: str | None = None) -> InvalidMessage:  # noqa: A002 - as in the code
    with pytest.raises(InvalidMessage) as refused:
        read(message, type=type)
    return refused.value


def test_a_track_call_is_an_event() -> None:
    event = track(messageId="m1", properties={"plan": "pro"}, context={"ip": "::1"}, timestamp="2025-06-01T11:00:00Z")
    assert (event.type, event.name, event.message_id, event.source) == ("track", "Trial Started", "m1", "website")
    assert [str(identity) for identity in event.identities] == ["user_id:u1"]
    assert (event.properties, event.context, event.traits) == ({"plan": "pro"}, {"ip": "::1"}, {})
    assert (event.occurred_at, event.received_at) == (NOW - timedelta(hours=1), NOW)


@pytest.mark.parametrize("sender", [BROWSER, SERVER])
def test_an_event_knows_its_sender(sender: Sender) -> None:
    event = read({"event": "A", "userId": "u1"}, type="track", sender=sender)
    assert (event.source, event.trusted) == (sender.source, sender.trusted)


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ({"type": "page", "name": "Pricing"}, "Page Viewed"),
        ({"type": "screen", "name": "Home"}, "Screen Viewed"),
        ({"type": "identify"}, "Identified"),
        ({"type": "group", "groupId": "g1"}, "Group Joined"),
        ({"type": "alias", "previousId": "a1"}, "Aliased"),
        ({"type": "track", "event": " Demo Requested "}, "Demo Requested"),
    ],
)
def test_every_type_has_its_event_name(message: dict[str, Any], name: str) -> None:
    assert read(message | {"userId": "u1"}).name == name


def test_the_type_of_the_path_wins() -> None:
    assert read({"type": "track", "userId": "u1"}, type="page").type == "page"


@pytest.mark.parametrize("told", [None, "", "tracking", "form", "delete", 1, [], {}])
def test_an_unknown_type_is_refused(told: Any) -> None:
    error = refusal({"type": told, "userId": "u1", "event": "A"})
    assert (error.code, error.detail.startswith("`type` must be one of track")) == ("validation-error", True)


@pytest.mark.parametrize("event", [None, "", "  ", [], {}, True, "e" * 201])
def test_a_track_call_needs_an_event_of_200_characters_at_most(event: Any) -> None:
    error = refusal({"event": event, "userId": "u1"}, type="track")
    assert error.code == "validation-error"
    assert "`event`" in error.detail


@pytest.mark.parametrize("group_id", [None, "", {}, "g" * 201])
def test_a_group_call_needs_a_group_id(group_id: Any) -> None:
    assert "`groupId`" in refusal({"groupId": group_id, "userId": "u1"}, type="group").detail


@pytest.mark.parametrize("group_id", ["undefined", "{{ group.id }}", "0", "YOUR_ACCOUNT_ID"])
def test_a_placeholder_for_a_group_would_join_strangers(group_id: str) -> None:
    error = refusal({"groupId": group_id, "userId": "u1"}, type="group")
    assert (error.code, "`groupId`" in error.detail) == ("invalid-identity", True)


@pytest.mark.parametrize("document", [None, "text", 1, [], [{"type": "track"}]])
def test_what_is_no_object_is_no_message(document: Any) -> None:
    assert refusal(document).code == "validation-error"


@pytest.mark.parametrize("section", ["properties", "traits", "context"])
@pytest.mark.parametrize("value", ["text", 1, True, [1], [{}]])
def test_a_section_must_be_an_object(section: str, value: Any) -> None:
    error = refusal({"type": "track", "event": "A", "userId": "u1", section: value})
    assert (error.code, error.detail) == ("validation-error", f"`{section}` must be an object.")


@pytest.mark.parametrize("absent", [None, ""])
def test_nulls_and_empty_strings_are_absent(absent: Any) -> None:
    fields = ("anonymousId", "messageId", "timestamp", "originalTimestamp", "sentAt", "properties", "traits", "context")
    event = track(**dict.fromkeys(fields, absent))
    assert (event.properties, event.context, event.traits, event.occurred_at) == ({}, {}, {}, NOW)


def test_traits_count_from_both_places_and_the_nearer_wins() -> None:
    event = read(
        {
            "type": "identify",
            "traits": {"plan": "pro", "email": "a@b.c"},
            "context": {"traits": {"plan": "free", "size": 5, "email": "x@y.z"}},
        }
    )
    assert event.traits == {"plan": "pro", "size": 5, "email": "a@b.c"}
    assert [str(identity) for identity in event.identities] == ["email:a@b.c", "email:x@y.z"]


def test_names_are_stored_as_scoring_reads_them_at_every_depth() -> None:
    event = track(
        properties={"pl\u200ban": 1, "items": [{"Sku ": 2}]},
        context={"page": {" path": "/"}, "traits": {"company": {"size ": 3}}},
        traits={"gro\u0308ße": 4, "E\u2011Mail\u2011Typ": 5, "\u200b": 6},
    )
    assert event.properties == {"plan": 1, "items": [{"Sku": 2}]}
    assert event.context == {"page": {"path": "/"}}
    assert event.traits == {"company": {"size": 3}, "größe": 4, "E-Mail-Typ": 5}


def test_traits_in_the_context_are_not_kept_twice() -> None:
    message = {"type": "page", "userId": "u1", "context": {"traits": {"plan": "pro"}, "locale": "fr"}}
    event = read(message)
    assert (event.context, event.traits) == ({"locale": "fr"}, {"plan": "pro"})
    assert message["context"] == {"traits": {"plan": "pro"}, "locale": "fr"}


def test_a_groups_traits_say_nothing_about_the_person() -> None:
    event = read({"type": "group", "userId": "u1", "groupId": 7, "traits": {"email": "info@b.c", "seats": 9}})
    assert event.properties == {"email": "info@b.c", "seats": 9, "groupId": "7"}
    assert event.traits == {}
    assert [str(identity) for identity in event.identities] == ["user_id:u1"]


def test_the_name_and_category_of_a_page_are_properties() -> None:
    event = read({"type": "page", "userId": "u1", "name": "Pricing", "category": None, "properties": {"path": "/p"}})
    assert event.properties == {"name": "Pricing", "path": "/p"}


def test_a_null_trait_is_kept_since_it_removes_what_is_known() -> None:
    assert track(context={"traits": {"plan": None}}).traits == {"plan": None}


def test_the_message_id_may_have_100_characters() -> None:
    assert track(messageId="m" * 100).message_id == "m" * 100
    error = refusal({"type": "page", "userId": "u1", "messageId": "m" * 101})
    assert (error.code, "`messageId`" in error.detail) == ("validation-error", True)


@pytest.mark.parametrize("placeholder", ["undefined", "null", "{{messageId}}", "00000000-0000-0000-0000-000000000000"])
def test_a_placeholder_is_no_message_id_or_all_other_messages_would_be_duplicates(placeholder: str) -> None:
    event = track(messageId=placeholder)
    assert event.message_id == str(event.id)
    assert track(messageId="0").message_id == "0"  # the first of a sequence


def test_a_missing_message_id_is_made() -> None:
    event = track()
    assert event.message_id == str(event.id)
    assert event.id.version == 7


def test_events_sort_by_id_as_they_came() -> None:
    ids = [track().id for _ in range(1000)]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(
    ("fields", "minutes_ago"),
    [
        ({"timestamp": "2025-06-01T11:50:00Z"}, 10),
        ({"originalTimestamp": "2025-06-01T11:50:00Z"}, 10),
        ({"timestamp": "2025-06-01T11:50:00Z", "originalTimestamp": "2025-06-01T11:00:00Z"}, 10),
        ({"timestamp": "2025-06-01T09:00:00Z", "sentAt": "2025-06-01T09:10:00Z"}, 10),
        ({"timestamp": "2025-06-02T09:00:00", "sentAt": "2025-06-02T09:10:00"}, 10),
        ({"timestamp": "2025-06-02T09:00:00Z"}, 0),
        ({"sentAt": "2025-06-01T09:10:00Z"}, 0),
        (
            {
                "timestamp": "2025-06-01T11:50:00Z",
                "sentAt": "2025-06-01T11:50:05Z",
                "receivedAt": "2025-06-01T11:50:06Z",
            },
            10,
        ),
        ({"originalTimestamp": "2025-06-01T11:50:00Z", "receivedAt": 1748778600, "sentAt": "2025-06-01T11:51:00Z"}, 10),
        ({"timestamp": "2025-06-01T09:00:00Z", "sentAt": "2025-06-01T09:10:00Z", "receivedAt": "Invalid Date"}, 10),
        ({"timestamp": "2025-06-01T09:00:00Z", "sentAt": "2025-06-01T09:10:00Z", "receivedAt": None}, 10),
        ({"timestamp": "2025-06-01T11:50:00Z", "received_at": 1748778600, "sentAt": "2025-06-01T11:51:00Z"}, 10),
        ({"timestamp": "2025-07-01T09:00:00Z", "receivedAt": "2025-07-01T09:10:00Z"}, 0),
        ({"timestamp": "noon", "originalTimestamp": "2025-06-01T11:50:00Z"}, 10),
        ({"timestamp": "2025-06-01T11:50:00Z", "originalTimestamp": "noon"}, 10),
        ({"timestamp": "1404-03-11T12:00:00Z", "sentAt": "1404-03-11T12:00:00Z"}, 0),
    ],
)
def test_the_moment_is_told_by_the_client_and_corrected(fields: dict[str, Any], minutes_ago: int) -> None:
    assert track(**fields).occurred_at == NOW - timedelta(minutes=minutes_ago)


@pytest.mark.parametrize("field", ["timestamp", "originalTimestamp"])
def test_an_unreadable_time_is_refused_by_its_field(field: str) -> None:
    error = refusal({"type": "page", "userId": "u1", field: "noon"})
    assert (error.code, f"`{field}`" in error.detail) == ("validation-error", True)


def test_a_message_may_have_32_kilobytes() -> None:
    message = {"type": "page", "userId": "u1", "properties": {"é": ""}}
    size = len(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode())
    message["properties"] = {"é": "x" * (MAX_MESSAGE_BYTES - size)}
    assert read(message).name == "Page Viewed"
    message["properties"] = {"é": "x" * (MAX_MESSAGE_BYTES - size + 1)}
    assert refusal(message).code == "content-too-large"


@pytest.mark.parametrize("field", ["unknown", "context", "integrations"])
def test_a_bad_value_is_found_in_any_field(field: str) -> None:
    error = refusal({"type": "page", "userId": "u1", field: {"a": 2**63}})
    assert (error.code, f"`{field}.a`" in error.detail) == ("out-of-range", True)


@given(st.dictionaries(st.sampled_from(FIELDS), JUNK), st.sampled_from([None, "track", "group", "alias", "form"]))
def test_any_junk_is_an_event_or_an_invalid_message(document: Any, type_: str | None) -> None:
    try:
        event = read(document, type=type_, sender=SERVER)
    except InvalidMessage:
        return
    assert event.identities
    assert event.occurred_at <= NOW


@pytest.mark.parametrize(
    "message",
    [
        {"type": "secret!", "userId": "u1"},
        {"type": "page", "userId": {"secret!": 1}},
        {"type": "page", "userId": "secret!" * 100},
        {"type": "page", "userId": "u1", "timestamp": "secret!"},
        {"type": "page", "userId": "u1", "messageId": "secret!" * 100},
        {"type": "page", "userId": "u1", "traits": "secret!"},
        {"type": "identify", "traits": {"email": "secret!"}},
    ],
)
def test_a_refusal_repeats_no_value(message: Any) -> None:
    assert "secret!" not in refusal(message).detail


def test_a_forms_post_needs_an_email_alone() -> None:
    post = read_form("demo", [("email", "Ada@b.c"), ("company", "Acme")])
    event = read(post.message, type="form")
    assert (event.type, event.name) == ("form", "Form Submitted")
    assert [str(identity) for identity in event.identities] == ["email:ada@b.c"]
    assert event.traits == {"email": "ada@b.c", "company": "Acme"}
    assert event.properties == {"email": "Ada@b.c", "company": "Acme", "form": "demo"}


def test_an_alias_from_a_secret_key_joins_two_known_people() -> None:
    event = read({"type": "alias", "userId": "u1", "previousId": "u0"}, sender=SERVER)
    assert [str(identity) for identity in event.identities] == ["user_id:u1", "user_id:u0", "anonymous_id:u0"]


@pytest.mark.parametrize("told", ["Track", " TRACK ", "track\u200b", "ＴＲＡＣＫ"])
def test_a_type_is_known_in_whatever_case(told: str) -> None:
    assert track(type=told).type == "track"


@pytest.mark.parametrize("section", ["properties", "traits", "context"])
@pytest.mark.parametrize("empty", [[], {}, False, 0])
def test_an_empty_section_is_none(section: str, empty: Any) -> None:
    event = track(**{section: empty})
    assert (event.properties, event.traits, event.context) == ({}, {}, {})


def test_empty_traits_of_the_context_are_none() -> None:
    assert track(context={"traits": [], "page": []}).traits == {}


def test_bad_characters_are_replaced_wherever_no_person_is_named() -> None:
    event = track(
        event="De\0mo", messageId="m\ud83d1", properties={"a\0b": "b\ud83d"}, traits={"title": "CTO\0", "n": "x\ude00y"}
    )
    assert (event.name, event.message_id) == ("De\ufffdmo", "m\ufffd1")
    assert (event.properties, event.traits) == ({"a\ufffdb": "b"}, {"title": "CTO", "n": "x\ufffdy"})


@pytest.mark.parametrize("field", ["userId", "anonymousId", "previousId"])
def test_an_id_with_a_bad_character_is_refused(field: str) -> None:
    error = refusal({"type": "page", "userId": "u1", "name": "\0", field: "a\0b"})
    assert (error.code, f"`{field}`" in error.detail) == ("invalid-characters", True)


def test_an_address_with_a_bad_character_is_nobodys() -> None:
    assert refusal({"traits": {"email": "ada\0@b.c"}}, type="identify").code == "invalid-identity"


@pytest.mark.parametrize("blank", [" ", "\u200b", "\xa0", "\ufeff", "\t"])
def test_what_is_not_seen_at_the_ends_is_not_stored(blank: str) -> None:
    traits = {
        f"job_title{blank}": f"{blank}VP Sales{blank}",
        "tags": [f"a{blank}", 1],
        blank: 1,
        "home": {"city": " x"},
    }
    event = track(event=f"{blank}Demo{blank}", traits=traits, properties={f"plan{blank}": f"pro{blank}", blank: 2})
    assert event.name == "Demo"
    assert event.traits == {"job_title": "VP Sales", "tags": ["a", 1], "home": {"city": " x"}}
    assert event.properties == {"plan": f"pro{blank}"}


def test_of_two_names_that_become_one_the_last_counts() -> None:
    assert track(traits={"plan": 1, "plan ": 2}).traits == {"plan": 2}


@pytest.mark.parametrize("event", ["\u200b", " \xa0\u2060"])
def test_an_event_of_whose_name_nothing_is_seen_has_none(event: str) -> None:
    assert "`event` is missing" in refusal({"event": event, "userId": "u1"}, type="track").detail


@pytest.mark.parametrize(
    ("message", "meant"),
    [
        ({"type": "page", "user_id": "u1"}, "userId"),
        ({"type": "page", "UserID": "u1"}, "userId"),
        ({"type": "page", "userId": None, "user-id": "u1"}, "userId"),
        ({"type": "page", "anonymous_id": "a1"}, "anonymousId"),
        ({"type": "alias", "userId": "u1", "previous_id": "a1"}, "previousId"),
        ({"type": "track", "userId": "u1", "event_name": "Demo"}, "event"),
        ({"type": "track", "userId": "u1", "name": "Demo"}, "event"),
        ({"type": "group", "userId": "u1", "group_id": "g1"}, "groupId"),
        ({"event_type": "track", "userId": "u1"}, "type"),
    ],
)
def test_a_field_under_another_name_is_guessed(message: dict[str, Any], meant: str) -> None:
    assert refusal(message).detail.endswith(f" Did you mean `{meant}`?")


def test_a_field_that_is_there_is_not_guessed() -> None:
    assert "Did you mean" not in refusal({"type": "page", "userId": "null", "user_id": "u1"}).detail
