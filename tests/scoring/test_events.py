"""Keys of event names. Which names have the same key is in `cases/event_names.json`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scoring.events import MAX_KEY_LENGTH, event_name_key
from app.storage.tables import events

ascii_names = st.text(st.characters(max_codepoint=127), max_size=30)


@given(ascii_names)
def test_the_stored_key_of_an_ascii_name_never_changes(name: str) -> None:
    blanks = name.translate(dict.fromkeys(map(ord, "_-"), " "))
    assert event_name_key(name) == " ".join(blanks.split()).casefold()


@given(st.text(max_size=200))
def test_the_key_of_a_key_is_itself_and_fits_its_column(name: str) -> None:
    key = event_name_key(name)
    assert event_name_key(key) == key
    assert len(key) <= MAX_KEY_LENGTH == events.c.name_key.type.length  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["\ufdfa" * 200, "\ufdfa " * 100, "\u0390" * 200, "e\u0301" * 100])
def test_a_key_is_never_longer_than_its_column(name: str) -> None:
    assert event_name_key(event_name_key(name)) == event_name_key(name)
    assert 0 < len(event_name_key(name)) <= MAX_KEY_LENGTH


@pytest.mark.parametrize(
    "name", ["", " ", "\u200b", "\u00ad\ufeff", "--", "\u2014", "_\u200b_", "\u3164", "\U000e0001"]
)
def test_names_without_visible_characters_have_the_empty_key(name: str) -> None:
    assert event_name_key(name) == ""
