"""Telephone numbers: their canonical form, from the package phonenumbers."""

import re
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from app.scoring.strings import visible, with_ascii_digits

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The ISO codes of countries, such as `DE`."""

_MAX_TEXT_LENGTH = 100
_IN_ORDER = "01234567890123456789"
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
_FLOAT = re.compile(r"(\+?\d+)\.0+")  # how spreadsheets and pandas write a column of numbers
# The package would take letters for digits, as in 1-800-FLOWERS, and so the words after a number as well.
_WRITTEN = re.compile(
    r"(?P<label>(?:[^\d+]*[^\w+])?)(?P<number>\+?[( ]*+\d(?:[\s()./-]*+\d)*+)\)?"
    r"(?:[ ,;(]*(?:;ext=|ext(?:ension|n)?|x|\#|app|apparat|durchwahl|dw|nst|poste|int|anexo|\u0434\u043e\u0431)"
    r"[.:= ]*(?P<extension>\d{1,7})\)?)?"
    r"(?P<rest>(?![\w+]).*|\s*\+.*)",
    re.IGNORECASE | re.DOTALL,
)
_MIN_DIGITS = 5  # of a number that someone may have


class _Written(NamedTuple):
    number: str
    extension: str | None


def canonical_phone(text: str, region: str | None = None) -> str | None:
    """The number in E.164, such as `+4930123456`; None if it is not a valid number or was made up.

    A number without a country code is read as one in `region`. An extension is kept, as in `+4930123456;ext=7`,
    because many people share the number without it. Words around the number are ignored; of several numbers the
    first counts.
    """
    return _canonical(text, region) if len(text) <= _MAX_TEXT_LENGTH else None


def is_like_phone(text: str) -> bool:
    """Whether a text looks like a telephone number, even one that can't be read without knowing its country."""
    written = _read(text) if len(text) <= _MAX_TEXT_LENGTH else None
    return written is not None and sum(map(str.isdigit, written.number)) >= _MIN_DIGITS


@lru_cache(maxsize=16384)
def _canonical(text: str, region: str | None) -> str | None:
    written = _read(text)
    if written is None:
        return None
    found = (_parsed(number, country) for number, country in _interpretations(written.number, region))
    number = next((each for each in found if each is not None), None)
    if number is None or _is_made_up(number):
        return None
    extension = f";ext={written.extension}" if written.extension else ""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) + extension


def _read(text: str) -> _Written | None:
    text = with_ascii_digits(visible(text).translate(_DASHES)).strip()
    is_float = _FLOAT.fullmatch(text)
    found = _WRITTEN.fullmatch(is_float[1] if is_float else text)
    if found is None or 0 < sum(map(str.isdigit, found["rest"])) < _MIN_DIGITS:  # perhaps an extension
        return None
    return _Written(found["number"], found["extension"])


def _interpretations(number: str, region: str | None) -> list[tuple[str, str | None]]:
    """What the digits may mean, the likeliest first: text for the package, and the country that it is read in."""
    as_written, with_plus = (number, region), ("+" + number, None)
    if number.startswith("00"):  # the usual prefix of a country code, though not in every region
        return [as_written, ("+" + number[2:], None)]
    return [with_plus, as_written] if _begins_with_code(number, region) else [as_written]


def _begins_with_code(number: str, region: str | None) -> bool:
    """Whether a number without a plus begins with its country's code rather than as numbers within the country do."""
    if region is None or phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) is None:
        return False
    return number.lstrip("( ").startswith(str(phonenumbers.country_code_for_region(region)))


def _parsed(text: str, region: str | None) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _is_made_up(number: PhoneNumber) -> bool:
    """Whether it repeats one digit or counts up or down, as people type to get past a form."""
    digits = str(number.national_number)
    return len(set(digits)) == 1 or digits in _IN_ORDER or digits in _IN_ORDER[::-1]
