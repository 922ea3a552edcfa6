"""Telephone numbers: their canonical form, and which ones are valid."""

import pytest

from app.scoring.phones import REGIONS, canonical_phone

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


@pytest.mark.parametrize(
    "text",
    [
        *("", "+", "ask me", "110", "+49 110", "0000000", "+49 000 0000000", "+7 (___) ___-__-__", "12.05.2020"),
        *("1111111111", "+91 99999 99999", "+7 999 999-99-99", "+33 1 23 45 67 89", "+91 9876543210"),
        *("+999 123456", "+49 30 123456 / +49 171 1234567", "+49 30 " + "1" * 100),
    ],
)
def test_an_invalid_or_made_up_number_has_no_canonical_form(text: str) -> None:
    assert canonical_phone(text, "DE") is None


def test_regions_are_countries() -> None:
    assert {"DE", "US", "GB"} <= REGIONS
    assert "UK" not in REGIONS
