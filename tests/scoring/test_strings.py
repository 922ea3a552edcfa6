"""When two strings are one, and what of a string is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scoring.strings import comparable, trimmed, with_ascii_digits

ALIKE = [
    ("CTO ", "cto"),
    ("\tCTO\r\n", "CTO"),
    ("\u00a0CTO\u3000", "CTO"),
    ("C\u200bTO\ufeff", "CTO"),
    ("C\u00adTO", "CTO"),
    ("CTO\x00\x7f", "CTO"),
    ("VP  Sales", "VP\u00a0Sales"),
    ("Île-de-France", "I\u0302le-de-France"),
    ("STRASSE", "straße"),
    ("ＣＴＯ", "CTO"),
    ("51–200", "51-200"),
    ("51−200", "51\u2011200"),
    ("I’m interested", "I'm interested"),
    ("“hello”", '"hello"'),
    ("❤\ufe0f", "❤"),
    ("\u2067علي\u2069", "علي"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_what_can_not_be_seen_makes_no_difference(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(("one", "other"), [("CTO", "CT0"), ("co-op", "coop"), ("a b", "ab"), ("é", "e"), ("", "-")])
def test_what_can_be_seen_does(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


@given(st.text())
def test_a_comparable_form_is_its_own(text: str) -> None:
    assert comparable(comparable(text)) == comparable(text)


@given(st.text())
def test_trimming_does_not_change_what_is_compared(text: str) -> None:
    assert comparable(trimmed(text)) == comparable(text)
    assert trimmed(trimmed(text)) == trimmed(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  Ada\u200b ", "Ada"),
        ("\u00a0A\u200bda", "A\u200bda"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("❤\ufe0f ", "❤\ufe0f"),
        ("\u200b", ""),
    ],
)
def test_only_the_ends_are_trimmed(text: str, kept: str) -> None:
    assert trimmed(text) == kept


def test_digits_of_every_script_are_digits() -> None:
    assert with_ascii_digits("٢٠٢٦-۰۱-１２ ½") == "2026-01-12 ½"
