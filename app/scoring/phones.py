"""Telephone numbers: their canonical form, from the package phonenumbers."""

from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from app.scoring.strings import trimmed, with_ascii_digits

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The ISO codes of countries, such as `DE`."""

_MAX_TEXT_LENGTH = 100
_IN_ORDER = "01234567890123456789"


def canonical_phone(text: str, region: str | None = None) -> str | None:
    """The number in E.164, such as `+4930123456`; None if it is not a valid number or was made up.

    A number without a country code is read as one in `region`. An extension is kept, as in `+4930123456;ext=7`,
    because many people share the number without it.
    """
    return _canonical(text, region) if len(text) <= _MAX_TEXT_LENGTH else None


@lru_cache(maxsize=16384)
def _canonical(text: str, region: str | None) -> str | None:
    text = with_ascii_digits(trimmed(text))
    number = _parsed(text, region)
    if number is None and text.startswith("00"):  # the prefix of a country code in most regions, but not in all
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
    """Whether it repeats one digit or counts up or down, as people type to get past a form."""
    digits = str(number.national_number)
    return len(set(digits)) == 1 or digits in _IN_ORDER or digits in _IN_ORDER[::-1]
