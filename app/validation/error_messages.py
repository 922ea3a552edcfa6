"""Our own messages for pydantic's errors. They never repeat a value, because it may be private."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import ErrorDetails

from app.validation.names import unknown_name_message

NAME_PATTERN = r"^[a-z][a-z0-9_]*$"
POSITION_PATTERN = r"^(\d{1,18}|latest|)$"
EVENT_ID_PATTERN = r"^\d{0,18}$"

_OBJECT = "must be an object with names and values"
_WHOLE = "must be a whole number"
_NUMBER = "must be a number"
_BOOLEAN = "must be true or false"
_ID = "must be a UUID"
_URL = "must be a URL"
NOT_A_DAY = "must be a date, such as 2026-11-01"
NOT_A_MOMENT = "must be a time with a time zone, such as 2026-11-01T12:00:00Z"

_MESSAGES = {
    "missing": "is missing",
    "value_error": "{error}",  # raised by a check of our own, with its own message
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "string_type": "must be text",
    "string_unicode": "must not contain half of a surrogate pair",
    "string_too_short": "must have {min_length} or more characters",
    "string_too_long": "must have {max_length} or fewer characters",
    "int_type": _WHOLE,
    "int_parsing": f"{_WHOLE}, in digits alone",
    "int_parsing_size": "has too many digits",
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": f"{_NUMBER}, such as 2.5",
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
    "date_type": NOT_A_DAY,
    "date_parsing": NOT_A_DAY,
    "date_from_datetime_parsing": NOT_A_DAY,
    "date_from_datetime_inexact": NOT_A_DAY,
    "datetime_type": NOT_A_MOMENT,
    "datetime_parsing": NOT_A_MOMENT,
    "datetime_from_date_parsing": NOT_A_MOMENT,
    "datetime_object_invalid": NOT_A_MOMENT,
    "timezone_aware": NOT_A_MOMENT,
    "url_type": _URL,
    "url_too_long": "must have {max_length} or fewer characters",
    "url_parsing": f"{_URL}: {{error}}",
    "url_scheme": "must be a URL that begins with {expected_schemes}",
}
_PATTERNS = {
    NAME_PATTERN: "must start with a letter and have only lower-case letters, digits and _",
    POSITION_PATTERN: "must be a `next_cursor` of this feed, `latest`, or empty",
    EVENT_ID_PATTERN: "must be the id of an event of this feed, or empty",
}


def error_message(detail: ErrorDetails, fields: Sequence[str] = ()) -> str:
    """What is wrong with the value at the error's location, in lower case and without a full stop.

    `fields` are the fields that the object may have, for the message about an unknown one; empty if not known.
    """
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown_name_message("field", str(detail["loc"][-1]), fields)
    if kind == "string_pattern_mismatch" and context["pattern"] in _PATTERNS:
        return _PATTERNS[context["pattern"]]
    if kind in _MESSAGES:
        return _MESSAGES[kind].format(**{name: _formatted(value) for name, value in context.items()})
    return detail["msg"][:1].lower() + detail["msg"][1:]


def encodable(text: str) -> str:
    """The text with lone surrogates, which names in a model may contain, replaced: UTF-8 can't encode them."""
    return text.encode(errors="replace").decode()


def in_one_fault(message: str) -> WrapValidator:
    """For a union: report one fault with this message instead of pydantic's fault for each type."""

    def check(value: Any, choose: ValidatorFunctionWrapHandler) -> Any:
        try:
            return choose(value)
        except ValidationError:
            raise ValueError(message) from None

    return WrapValidator(check)


def _formatted(value: Any) -> str:
    return f"{value:,.12g}" if isinstance(value, int | float) else str(value)
