"""Values that no database keeps are found wherever they are, and named by their path alone."""

import math
from typing import Any

import pytest

from app.errors import InvalidMessage
from app.protocol.values import as_text, check_values, storable


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("a\0b", "invalid-characters"),
        ("\ud800", "invalid-characters"),
        ("a\udfff", "invalid-characters"),
        (2**63, "out-of-range"),
        (-(2**63) - 1, "out-of-range"),
        (10**999, "out-of-range"),
        (math.nan, "not-finite"),
        (math.inf, "not-finite"),
        (-math.inf, "not-finite"),
    ],
)
def test_a_value_that_can_not_be_stored_is_refused_with_its_code(value: Any, code: str) -> None:
    with pytest.raises(InvalidMessage) as refused:
        check_values({"properties": {"plan": value}})
    assert refused.value.code == code
    assert "`properties.plan`" in refused.value.detail


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 1.5, True, None, "", "é", "\U0001f600", "\ufffd", "\x01"])
def test_what_can_be_stored_passes(value: Any) -> None:
    check_values({"properties": [{"deep": value}]})


def test_the_path_goes_through_lists() -> None:
    with pytest.raises(InvalidMessage, match=r"`properties\.products\.1\.name`"):
        check_values({"properties": {"products": [{"name": "ok"}, {"name": "\0"}]}})


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("a\0b", "a\ufffdb"),
        ("a\ud83d\0b", "a\ufffd\ufffdb"),
        ([{"a\0b": ["a\udfffb"]}], [{"a\ufffdb": ["a\ufffdb"]}]),
        ("cut\ud83d", "cut"),
        ("\ude00cut\0\0", "cut"),
        ([{"\0b": ["\udfff"]}], [{"b": [""]}]),
        ({"a\0": 1, "a\ud800": 2}, {"a": 2}),
    ],
)
def test_a_bad_character_is_replaced_in_values_and_in_keys_and_removed_at_their_ends(value: Any, stored: Any) -> None:
    assert storable({"properties": value}) == {"properties": stored}


def test_a_good_object_is_left_as_it_is() -> None:
    document = {"properties": {"emoji": "\U0001f600"}}
    assert storable(document) is document


def test_what_must_be_exact_is_refused_rather_than_replaced() -> None:
    with pytest.raises(InvalidMessage, match="`userId` contains"):
        storable({"name": "\0", "userId": "a\0"}, exact=("userId",))


def test_a_fault_behind_a_bad_character_is_found() -> None:
    with pytest.raises(InvalidMessage) as refused:
        storable({"a": "\0", "b": 2**63})
    assert refused.value.code == "out-of-range"


def test_a_bad_value_is_not_repeated() -> None:
    with pytest.raises(InvalidMessage) as refused:
        check_values({"plan": "secret\0"})
    assert "secret" not in refused.value.detail
    assert refused.value.detail.isprintable()


@pytest.mark.parametrize(("document", "place"), [({"secret\0": 1}, "The message"), ({"a": {"secret\0": 1}}, "`a`")])
def test_a_bad_key_is_not_repeated(document: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidMessage) as refused:
        check_values(document)
    assert refused.value.detail.startswith(f"{place} has a key that ")
    assert "secret" not in refused.value.detail


def test_a_value_that_is_no_message_is_called_by_what_it_is() -> None:
    with pytest.raises(InvalidMessage, match=r"^The document has a key that contains"):
        check_values({"\0": 1}, "The document")


def test_a_long_key_is_cut_in_the_path() -> None:
    with pytest.raises(InvalidMessage) as refused:
        check_values({"k" * 10_000: "\0"})
    assert len(refused.value.detail) < 200


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a ", "a"),
        ("\u200ba\xa0", "a"),
        (None, ""),
        ("", ""),
        (12, "12"),
        (1000.0, "1000"),
        (1.5, "1.5"),
        (True, None),
        ([], None),
        ({}, None),
    ],
)
def test_numbers_have_a_text_and_containers_have_none(value: Any, text: str | None) -> None:
    assert as_text(value) == text
