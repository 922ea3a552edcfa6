"""What pydantic finds wrong, in our words. No sentence repeats a value: it may be private."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import ErrorDetails

NAME_PATTERN = r"^[a-z][a-z0-9_]*$"

_OBJECT = "must be an object (names with values)"
_WHOLE = "must be a whole number"
_NUMBER = "must be a number"
_BOOLEAN = "must be true or false"
_ID = "must be an id, which is a UUID"
_DAY = "must be a day, such as 2026-11-01"
_MOMENT = "must be a moment with its time zone, such as 2026-11-01T12:00:00Z"

_SENTENCES = {
    "missing": "is missing",
    "value_error": "{error}",  # a check of our own, which has its own words
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "string_type": "must be text",
    "string_too_short": "must have {min_length} or more characters",
    "string_too_long": "must have {max_length} or fewer characters",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "has too many digits",
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "must be a finite number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "list_type": "must be a list",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "too_short": "must have {min_length} or more entries",
    "too_long": "must have {max_length} or fewer entries",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "uuid_type": _ID,
    "uuid_parsing": _ID,
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT,
    "timezone_aware": _MOMENT,
}
_PATTERNS = {
    NAME_PATTERN: "must be lower-case letters, digits and _, beginning with a letter",
}


def error_message(detail: ErrorDetails, fields: Sequence[str] = ()) -> str:
    """What is wrong with what stands at the error's location, without a capital and a full stop.

    `fields` are those that an object may have, for the sentence on one that it may not have; none if not known.
    """
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown_name_message("field", str(detail["loc"][-1]), fields)
    if kind == "string_pattern_mismatch" and context["pattern"] in _PATTERNS:
        return _PATTERNS[context["pattern"]]
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(**{name: _written(value) for name, value in context.items()})
    return detail["msg"][:1].lower() + detail["msg"][1:]


def unknown_name_message(what: str, name: str, known: Sequence[str]) -> str:
    """That this is no field, parameter or whatever of those that are known, and which one may have been meant."""
    if near := get_close_matches(name, known, n=1):
        return f"is no {what} here; did you mean {near[0]}?"
    return f"is no {what} here; there is {', '.join(known)}" if known else f"is no {what} here"


def in_one_fault(message: str) -> WrapValidator:
    """For a choice of types: one fault with this message, rather than one for each with pydantic's name for it."""

    def check(value: Any, choose: ValidatorFunctionWrapHandler) -> Any:
        try:
            return choose(value)
        except ValidationError:
            raise ValueError(message) from None

    return WrapValidator(check)


def _written(value: Any) -> str:
    return f"{value:,.12g}" if isinstance(value, int | float) else str(value)
