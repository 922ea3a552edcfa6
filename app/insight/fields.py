"""Which fields can be candidates: not dates, ids, addresses, free text or personal data."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from app.insight.arrays import Floats, Ints
from app.scoring.operators import as_number

# fmt: off
EXCLUDED_WORDS = frozenset({
    "address", "birthday", "city", "date", "domain", "email", "fax", "firstname", "fullname", "gender", "handle",
    "iban", "id", "ip", "lastname", "latitude", "link", "location", "longitude", "mail", "message", "mobile", "name",
    "note", "notes", "password", "phone", "postal", "referrer", "session", "street", "surname", "telephone", "text",
    "timestamp", "token", "uri", "url", "username", "uuid", "website", "zip",
})
"""Words in a field's name that mark it as one of these."""
# fmt: on
COMPANY_WORDS = frozenset({"plan", "product", "form", "event", "feature", "campaign"})
"""A `name` of one of these is not a person's."""
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?|\d{1,2}[./]\d{1,2}[./]\d{4}")
IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9a-f]{24,64}|.*://.*|.+@.+\..+", re.IGNORECASE)
MAX_LEVEL_LENGTH = 60
MAX_PATH = 200  # the longest path that a model may have
IDS_ARE_UNIQUE = 0.9
"""A text that is different in this share of at least `MANY` rows is an id or free text."""
MANY = 50
FEWEST_NUMBERS = 3
"""Two numbers are levels, such as 0 and 1."""
ALMOST_ALL = 0.9


def is_candidate_name(path: str) -> bool:
    if len(path) > MAX_PATH:
        return False
    if path == "email_kind":  # derived by the engine, and says nothing about the person
        return True
    words = {word.lower() for word in WORDS.findall(path)}
    if words & COMPANY_WORDS:
        words -= {"name"}
    return not words & EXCLUDED_WORDS and path.replace("_", "").lower() not in EXCLUDED_WORDS


def is_level(value: Any) -> bool:
    """Whether a value can be the operand of `in`: a short text, a boolean, or a number."""
    if isinstance(value, bool):
        return True
    if isinstance(value, str):
        return (
            0 < len(value.strip()) <= MAX_LEVEL_LENGTH and not DATE.fullmatch(value) and not IDENTIFIER.fullmatch(value)
        )
    return as_number(value) is not None


def numbers(values: Sequence[Any]) -> Floats:
    """The values as numbers, NaN where one is not."""
    found = map(as_number, values)
    return np.array([np.nan if number is None else number for number in found], dtype=np.float64)


def numbers_of(values: Sequence[Any], codes: Ints) -> Floats:
    """The numbers in some rows of a column, without those that are absent or not numbers."""
    found = numbers(values)[codes[codes >= 0]]
    return np.asarray(found[~np.isnan(found)])


def plain_number(value: float) -> float:
    return int(value) if value.is_integer() else value


def is_numeric(values: Sequence[Any]) -> bool:
    """Whether nine in ten of the distinct values are numbers, and there are more than two."""
    found = int((~np.isnan(numbers(values))).sum())
    return found >= FEWEST_NUMBERS and found >= ALMOST_ALL * len(values)


def looks_like_id(values: Sequence[Any], codes: Ints) -> bool:
    """Whether almost every row has a text of its own."""
    rows = int((codes >= 0).sum())
    texts = sum(isinstance(value, str) and as_number(value) is None for value in values)
    return rows >= MANY and texts >= IDS_ARE_UNIQUE * rows
