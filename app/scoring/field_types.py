"""The types of the fields in a scoring model's document: names, numbers within limits, titles, operands."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from app.scoring.operators import as_number
from app.scoring.strings import canonical_name, trimmed
from app.validation.error_messages import NAME_PATTERN, in_one_fault

NEEDS_QUOTES = (bool, int, float)
QUOTE = "must be text: put a number, true or false in quotes"


def _has_cents_at_most(value: float) -> float:
    if round(value, 2) != value:
        raise ValueError("has more than two decimals, and the lines of a ledger have two")
    return value


def as_list(value: Any) -> Any:
    if type(value) in NEEDS_QUOTES:
        raise ValueError(QUOTE)
    return [value] if isinstance(value, str) else value


def _trimmed(value: Any) -> Any:
    if type(value) in NEEDS_QUOTES:
        raise ValueError(QUOTE)
    return trimmed(value) if isinstance(value, str) else value


def _canonical_name(value: Any) -> Any:
    return canonical_name(value) if isinstance(value, str) else value


def _is_ordered(value: Any) -> Any:
    if not isinstance(value, str) and as_number(value) is None:
        raise ValueError("must be a number or a string")
    return value


def _is_scalar(value: Any) -> Any:
    if not isinstance(value, bool | str) and as_number(value) is None:
        raise ValueError("must be true or false, a number or a string")
    return value


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=64)]
EventName = Annotated[str, StringConstraints(min_length=1, max_length=200), BeforeValidator(_trimmed)]
TraitName = Annotated[str, StringConstraints(min_length=1, max_length=200), BeforeValidator(_canonical_name)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Points = Annotated[float, Field(ge=-1_000_000, le=1_000_000, allow_inf_nan=False)]
Limit = Annotated[Points, AfterValidator(_has_cents_at_most)]
Cap = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False), AfterValidator(_has_cents_at_most)]
CapOrNothing = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False), AfterValidator(_has_cents_at_most)]
Days = Annotated[int, Field(ge=1, le=36_500)]
Ordered = Annotated[Any, AfterValidator(_is_ordered), WithJsonSchema({"type": ["number", "string"]})]
Scalar = Annotated[Any, AfterValidator(_is_scalar), WithJsonSchema({"type": ["boolean", "number", "string"]})]
ExpectedScore = Annotated[
    float | dict[Literal["eq", "gt", "gte", "lt", "lte"], float],
    in_one_fault("must be a number, or operators such as {gte: 40, lt: 60}"),
]
EventNames = Annotated[list[EventName], Field(min_length=1, max_length=200)]
