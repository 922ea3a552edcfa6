"""pydantic's errors are reported in our own words, which never repeat the value."""

import math
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, HttpUrl, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from app.scoring.field_types import Name
from app.validation.error_messages import error_message

MARKER = "the-marker"
OBJECT = "must be an object with names and values"
MOMENT = "must be a time with a time zone, such as 2026-11-01T12:00:00Z"
Json = dict[str, Any]


class Point(BaseModel):
    model_config = ConfigDict(extra="forbid")

    x: int = 0
    max_points: int = 0


class Required(BaseModel):
    x: int


def of_our_own(_: Any) -> None:
    msg = "is {odd}, and we say so"
    raise ValueError(msg)


def detail_of(kind: Any, value: Any, *, strict: bool = False) -> ErrorDetails:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value, strict=strict)
    [detail] = caught.value.errors()
    return detail


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Required, {}, "is missing"),
        (Required, MARKER, OBJECT),
        (Json, MARKER, OBJECT),
        (list[int], MARKER, "must be a list"),
        (bool, MARKER, "must be true or false"),
        (bool, [], "must be true or false"),
        (str, 3, "must be text"),
        (int, MARKER, "must be a whole number, in digits alone"),
        (int, 1.5, "must be a whole number"),
        (int, [], "must be a whole number"),
        (int, "9" * 5_000, "has too many digits"),
        (float, MARKER, "must be a number, such as 2.5"),
        (float, [], "must be a number"),
        (Annotated[float, Field(allow_inf_nan=False)], math.nan, "must be a finite number"),
        (Annotated[list[int], Field(min_length=1)], [], "must have 1 or more entries"),
        (Annotated[list[int], Field(max_length=2)], [1, 2, 3], "must have 2 or fewer entries"),
        (Annotated[Json, Field(min_length=1)], {}, "must have 1 or more entries"),
        (Annotated[str, Field(min_length=1)], "", "must have 1 or more characters"),
        (Annotated[str, Field(max_length=3)], MARKER, "must have 3 or fewer characters"),
        (Name, "The Marker", "must start with a letter and have only lower-case letters, digits and _"),
        (Annotated[str, Field(pattern="^x$")], MARKER, "string should match pattern '^x$'"),
        (Annotated[int, Field(gt=0)], 0, "must be more than 0"),
        (Annotated[float, Field(ge=-1_000_000)], -2e6, "must be -1,000,000 or more"),
        (Annotated[float, Field(ge=0.5)], 0.25, "must be 0.5 or more"),
        (Annotated[int, Field(lt=3)], 3, "must be less than 3"),
        (Annotated[int, Field(le=2**31 - 1)], 2**40, "must be 2,147,483,647 or less"),
        (Literal["all", "none"], MARKER, "must be 'all' or 'none'"),
        (UUID, MARKER, "must be a UUID"),
        (UUID, 3, "must be a UUID"),
        (date, MARKER, "must be a date, such as 2026-11-01"),
        (date, "2026-11-01T12:00:00Z", "must be a date, such as 2026-11-01"),
        (AwareDatetime, MARKER, MOMENT),
        (AwareDatetime, "2026-11-01", MOMENT),
        (AwareDatetime, "2026-11-01T12:00:00", MOMENT),
        (HttpUrl, MARKER, "must be a URL: relative URL without a base"),
        (HttpUrl, 3, "must be a URL"),
        (HttpUrl, "ftp://marker.example/", "must be a URL that begins with 'http' or 'https'"),
        (Annotated[Any, AfterValidator(of_our_own)], MARKER, "is {odd}, and we say so"),
        (Annotated[str, Field(max_length=3)], "\ud800", "must not contain half of a surrogate pair"),
        (Annotated[int, Field(multiple_of=2)], 3, "input should be a multiple of 2"),
    ],
)
def test_an_error_is_reported_in_our_own_words(kind: Any, value: Any, message: str) -> None:
    assert error_message(detail_of(kind, value)) == message


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (bool, "must be true or false"),
        (int, "must be a whole number"),
        (float, "must be a number"),
        (Point, OBJECT),
        (date, "must be a date, such as 2026-11-01"),
        (AwareDatetime, MOMENT),
    ],
)
def test_a_string_instead_of_another_type_is_reported_the_same_way(kind: Any, message: str) -> None:
    assert error_message(detail_of(kind, "1", strict=True)) == message


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("max_point", ("x", "max_points"), "unknown field; did you mean max_points?"),
        ("MAX_POINTS", ("x", "max_points"), "unknown field; did you mean max_points?"),
        ("page", ("stage", "cursor"), "unknown field; expected one of: stage, cursor"),
        ("colour", ("x", "max_points"), "unknown field; expected one of: x, max_points"),
        ("colour", (), "unknown field"),
    ],
)
def test_an_unknown_field_is_reported_with_a_suggestion_or_the_known_ones(
    name: str, fields: tuple[str, ...], message: str
) -> None:
    assert error_message(detail_of(Point, {name: MARKER}), fields) == message
