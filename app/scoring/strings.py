"""Comparing and cleaning strings, which people, keyboards and programs write with invisible differences.

`comparable` is for comparing, `trimmed` for what is stored and shown. `trimmed` changes only the ends, because within
a text a joiner may be part of an emoji or of a Persian word.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

# Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt), which Python's unicodedata lacks.
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_CONTROL = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # control characters other than white space
_INVISIBLE = re.compile(f"[{_IGNORABLE}{_CONTROL}]")
# A variation selector belongs to the emoji before it.
_BLANK = f"\\s{_IGNORABLE}{_CONTROL}".replace("\ufe00-\ufe0f", "")
_ENDS = re.compile(f"^[{_BLANK}]+|[{_BLANK}]+$")
# All of Unicode's category Pd, and the minus sign.
_DASHES = (
    "\u058a\u05be\u1400\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030"
    "\u30a0\ufe31\ufe32\ufe58\ufe63\uff0d\U00010ead"
)
_SPACES = re.compile(r"\s+")
_GAPS = re.compile(r"[\s_-]+")
_PUNCTUATION = str.maketrans(
    dict.fromkeys(_DASHES, "-")
    | dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u2032\u00b4", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"')
)


def comparable(text: str) -> str:
    """The form in which strings are compared.

    It ignores case, composition and width (Unicode's NFKC), invisible characters, blanks at the ends, the number of
    blanks between words, and the variants of dashes, apostrophes and quotation marks.
    """
    if text.isascii() and text.isprintable():
        return (" ".join(text.split()) if " " in text else text).lower()
    return _comparable(text)


@lru_cache(maxsize=4096)
def _comparable(text: str) -> str:
    visible = _INVISIBLE.sub("", text.translate(_PUNCTUATION))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    # Translated again, because NFKC turns vertical dashes into plain ones.
    return _SPACES.sub(" ", folded.translate(_PUNCTUATION)).strip()


def comparable_name(text: str) -> str:
    """Like `comparable`, for names: dashes and underscores also count as blanks."""
    return without_gaps(comparable(text))


def without_gaps(text: str) -> str:
    """The text with each run of blanks, hyphens and underscores replaced by one blank, and none at the ends."""
    return _GAPS.sub(" ", text).strip()


def visible(text: str) -> str:
    """The text without invisible characters, composed and in normal width (Unicode's NFKC). Case is kept."""
    return text if text.isascii() and text.isprintable() else unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))


def with_plain_punctuation(text: str) -> str:
    """The text with `-`, `'` and `"` for all dashes, apostrophes and quotation marks."""
    return text if text.isascii() else text.translate(_PUNCTUATION)


def trimmed(text: str) -> str:
    """The text without blanks or invisible characters at its ends."""
    return text.strip() if text.isascii() and text.isprintable() else _ENDS.sub("", text)


def canonical_name(text: str) -> str:
    """The name of a trait or a property as it is stored, and as the paths in a model are read. Case stays.

    `visible`, with one blank for each run of blanks, none at the ends, and plain dashes and quotation marks.
    """
    if text.isascii() and text.isidentifier():  # as most are
        return text
    if not (text.isascii() and text.isprintable()):
        text = visible(text.translate(_PUNCTUATION)).translate(_PUNCTUATION)  # again, as in `_comparable`
    return " ".join(text.split())


def with_canonical_names(members: Mapping[str, Any]) -> dict[str, Any]:
    """The object with canonical names at every depth, and without members whose name is invisible.

    Where two names become one, the last one's value counts.
    """
    return {
        tidy: _with_canonical_names(value) if isinstance(value, (dict, list)) else value
        for name, value in members.items()
        if (tidy := canonical_name(name))
    }


def _with_canonical_names(value: Any) -> Any:
    if isinstance(value, dict):
        return with_canonical_names(value)
    return [_with_canonical_names(item) for item in value] if isinstance(value, list) else value


def with_ascii_digits(text: str) -> str:
    """The text with the decimal digits of every script as 0 to 9, such as 3 for the Arabic ٣."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in text)
