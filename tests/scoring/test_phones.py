"""Telephone numbers: their canonical form, and which ones are valid."""

import pytest

from app.scoring.phones import REGIONS, canonical_phone, is_like_phone

INTERNATIONAL = [
    *("+49 30 123456", "0049 30 123456", "+49 (0)30 / 123456", "tel:+49-30-123456", "(+49) 30 123456"),
    *("＋４９ ３０ 123456", "+٤٩ ٣٠ ١٢٣٤٥٦", "\u202a+49\u00a030\u00a0123456\u202c", "+49\u201330\u2013123456"),
]
NATIONAL = ["030 123456", "(030) 123456", "030/123456", "030-123456", "٠٣٠١٢٣٤٥٦", "+49 30 123456", "0049 30 123456"]


@pytest.mark.parametrize("writing", INTERNATIONAL, ids=ascii)
def test_a_number_with_a_country_code_has_one_canonical_form(writing: str) -> None:
    assert canonical_phone(writing) == "+4930123456"
    assert canonical_phone(writing, "US") == "+4930123456"


@pytest.mark.parametrize("writing", NATIONAL, ids=ascii)
def test_a_number_without_a_country_code_is_in_the_region(writing: str) -> None:
    assert canonical_phone(writing, "DE") == "+4930123456"


@pytest.mark.parametrize("writing", ["030 123456", "030/123456", "٠٣٠١٢٣٤٥٦", "(650) 253-0000"])
def test_without_a_region_a_number_needs_a_country_code(writing: str) -> None:
    assert canonical_phone(writing) is None


def test_the_international_prefix_of_the_region_is_recognized() -> None:
    assert canonical_phone("011 49 30 123456", "US") == "+4930123456"


@pytest.mark.parametrize("writing", ["+1 650 253 0000 ext. 12", "tel:+1-650-253-0000;ext=12", "+1 (650) 253-0000 x12"])
def test_an_extension_is_kept(writing: str) -> None:
    form = "+16502530000;ext=12"
    assert canonical_phone(writing) == form
    assert canonical_phone(form) == form
    assert canonical_phone("+1 650 253 0000") == "+16502530000"


@pytest.mark.parametrize("rest", ["(mobile)", "privat", "(Büro)", "\U0001f4f1", "- after work", "(WhatsApp", "\n", "*"])
def test_words_around_a_number_are_not_dialled(rest: str) -> None:
    assert canonical_phone(f"+49 30 123478 {rest}") == "+4930123478"
    assert canonical_phone(f"Tel.: 030 123478 {rest}", "DE") == "+4930123478"


@pytest.mark.parametrize("writing", ["+49 30 123478 App. 12", "+49 30 123478, Durchwahl 12", "030 123478 (ext 12)"])
def test_an_extension_may_be_written_in_other_languages(writing: str) -> None:
    assert canonical_phone(writing, "DE") == "+4930123478;ext=12"


@pytest.mark.parametrize(
    "writing",
    ["030 123478, 0171 1234568", "+49 30 123478 / +49 171 1234568", "030 123478; +33 612345678", "030123478+"],
)
def test_of_several_numbers_the_first_counts(writing: str) -> None:
    assert canonical_phone(writing, "DE") == "+4930123478"


@pytest.mark.parametrize(
    ("writing", "number"),
    [("+4930123483.0", "+4930123483"), ("1711234567.0", "+491711234567"), ("4930123483.00", "+4930123483")],
)
def test_a_number_may_come_as_a_float(writing: str, number: str) -> None:
    assert canonical_phone(writing, "DE") == number


@pytest.mark.parametrize(
    ("writing", "region", "number"),
    [
        *(("491711234568", "DE", "+491711234568"), ("(49) 171 1234568", "DE", "+491711234568")),
        *(("447911123456", "GB", "+447911123456"), ("919876543216", "IN", "+919876543216")),
        *(("9198765432", "IN", "+919198765432"), ("1 650 253 0000", "US", "+16502530000")),
        *(("04917 12345", "DE", "+49491712345"), ("481234567", "PL", "+48481234567")),
        *(("3912345678", "IT", "+393912345678"), ("34612345678", "ES", "+34612345678")),
    ],
)
def test_a_country_code_may_lack_its_plus(writing: str, region: str, number: str) -> None:
    assert canonical_phone(writing, region) == number


@pytest.mark.parametrize(
    ("text", "is_number"),
    [
        *(("030/123456", True), ("(555) 010-0199", True), ("030 123459 (Büro)", True), ("+49 30 123456 x7", True)),
        *(("12", False), ("+", False), ("call me", False), ("0" * 101, False), ("4th floor 12345", False)),
    ],
)
def test_a_number_is_known_by_how_it_is_written(text: str, is_number: bool) -> None:
    assert is_like_phone(text) is is_number


@pytest.mark.parametrize(
    "text",
    [
        *("", "+", "ask me", "110", "+49 110", "0000000", "+49 000 0000000", "+7 (___) ___-__-__", "12.05.2020"),
        *("1111111111", "+91 99999 99999", "+7 999 999-99-99", "+33 1 23 45 67 89", "+91 9876543210"),
        *("+999 123456", "+49 30 " + "1" * 100, "+49 30 123456 room 12", "+49 30 123456mobile", "4.93012E+11"),
        *("1-800-FLOWERS", "+1 800 FLOWERS", "u030123456", "+49 30 123456 0171 1234567"),
    ],
)
def test_an_invalid_or_made_up_number_has_no_canonical_form(text: str) -> None:
    assert canonical_phone(text, "DE") is None


def test_regions_are_countries() -> None:
    assert {"DE", "US", "GB"} <= REGIONS
    assert "UK" not in REGIONS
