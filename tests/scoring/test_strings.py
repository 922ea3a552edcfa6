"""Strings: which ones are equal in comparisons, and how they are cleaned for storage."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scoring.strings import (
    canonical_name,
    comparable,
    comparable_name,
    trimmed,
    with_ascii_digits,
    with_canonical_names,
)

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
def test_invisible_differences_are_ignored(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(("one", "other"), [("CTO", "CT0"), ("co-op", "coop"), ("a b", "ab"), ("é", "e"), ("", "-")])
def test_visible_differences_are_not_ignored(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


@given(st.text())
def test_comparable_is_idempotent(text: str) -> None:
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


@pytest.mark.parametrize("dash", ["\u2043", "~", "|", "\u30fc", "\u4e00"])
def test_a_character_that_only_looks_like_a_dash_is_not_one(dash: str) -> None:
    assert comparable(dash) != "-"


def test_every_dash_in_unicode_counts_as_a_dash() -> None:
    dashes = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Pd"]
    assert {comparable(dash) for dash in dashes} == {"-"}


@pytest.mark.parametrize(
    "name", ["Form Submitted", "form_submitted", " form\u2014submitted", "FORM\uff3fSUBMITTED\u200b"]
)
def test_separators_between_words_make_no_difference_to_names(name: str) -> None:
    assert comparable_name(name) == "form submitted"


def test_ascii_digits_are_unchanged() -> None:
    assert with_ascii_digits("10:30 a") == "10:30 a"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("company_size", "company_size"),
        (" Company  Size\t", "Company Size"),
        ("Company\u00a0Size", "Company Size"),
        ("company\u200b_size", "company_size"),
        ("gro\u0308ße", "größe"),
        ("E\u2011Mail\u2011Typ", "E-Mail-Typ"),
        ("Ｃｏｍｐａｎｙ", "Company"),
        ("company.size", "company.size"),
        ("\u200b\0", ""),
    ],
)
def test_a_name_is_stored_as_people_see_it(name: str, kept: str) -> None:
    assert canonical_name(name) == kept


@given(st.text())
def test_a_canonical_name_is_its_own(name: str) -> None:
    assert canonical_name(canonical_name(name)) == canonical_name(name)
    assert comparable(canonical_name(name)) == comparable(name)


def test_names_are_canonical_at_every_depth() -> None:
    members = {"company": {" size": 1, "\u200b": 2}, "items": [{"sku\u00ad": 3}, [{"a\u00a0b": 4}], "x "]}
    assert with_canonical_names(members) == {"company": {"size": 1}, "items": [{"sku": 3}, [{"a b": 4}], "x "]}
