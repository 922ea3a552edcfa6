"""Telephone numbers: the one form of each, by the package phonenumbers."""

from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from app.scoring.strings import trimmed, with_ascii_digits

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""Countries by their ISO code, such as `DE`."""

_MAX_TEXT_LENGTH = 100
_IN_ORDER = "01234567890123456789"


def canonical_phone(text: str, region: str | None = None) -> str | None:
    """The number in E.164, such as `+4930123456`; None for what no person can be called by.

    A number without a country code is one of `region`. An extension stays, as `+4930123456;ext=7`, for the number
    alone is that of many people.
    """
    return _canonical(text, region) if len(text) <= _MAX_TEXT_LENGTH else None


@lru_cache(maxsize=16384)
def _canonical(text: str, region: str | None) -> str | None:
    text = with_ascii_digits(trimmed(text))
    number = _parsed(text, region)
    if number is None and text.startswith("00"):  # the usual prefix of a country code, though not in every region
        number = _parsed("+" + text[2:], None)
    if number is None:
        return None
    extension = f";ext={number.extension}" if number.extension else ""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) + extension


def _parsed(text: str, region: str | None) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) and not _is_made_up(number) else None


def _is_made_up(number: PhoneNumber) -> bool:
    """Whether it is one digit again and again, or all digits in their order: what people type to get past a form."""
    digits = str(number.national_number)
    return len(set(digits)) == 1 or digits in _IN_ORDER or digits in _IN_ORDER[::-1]
