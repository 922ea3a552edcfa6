"""Numbers in text that people write: settings, options, query parameters.

Python's `int` and `float`, and pydantic's, would also read `1_000`, ` 5`, `٥`, `nan` and `inf`.
"""

import math
import re
from typing import Any

from pydantic import BeforeValidator
from pydantic_core import PydanticKnownError

_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def read_number(text: str) -> float:
    """Raises `ValueError` for anything but a finite decimal number."""
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise ValueError("not a number")
    return value


def _check_whole(value: Any) -> Any:
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise PydanticKnownError("int_parsing")
    return value


def _check(value: Any) -> Any:
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise PydanticKnownError("float_parsing")
    return value


AsWholeNumber, AsNumber = BeforeValidator(_check_whole), BeforeValidator(_check)
"""For a field of type `int` or `float` that is read from text."""
