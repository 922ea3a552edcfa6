"""Parameters that routes and commands share: moments, versions, short texts."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, Strict, StringConstraints

from app.protocol.values import is_storable
from app.validation.error_messages import NOT_A_DAY, NOT_A_MOMENT, in_one_fault
from app.validation.numbers import AsWholeNumber

MAX_VERSION = 2**31 - 1  # the column's maximum


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("must not contain U+0000")
    return text


def _written_as(form: re.Pattern[str], message: str) -> BeforeValidator:
    """Pydantic would also take numbers, as seconds since 1970: `to=2026` would be a day in 1970."""

    def check(value: Any) -> Any:
        if isinstance(value, str | int | float) and not form.match(str(value)):
            raise ValueError(message)
        return value

    return BeforeValidator(check)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be between the years 1 and 9999 in UTC") from None


Storable = AfterValidator(_storable)
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Storable]
Moment = Annotated[
    AwareDatetime, AfterValidator(_in_utc), _written_as(re.compile(r"\d{4}-\d\d-\d\d[Tt ]"), NOT_A_MOMENT)
]
Day = Annotated[date, _written_as(re.compile(r"\d{4}-\d\d-\d\d$"), NOT_A_DAY)]
Version = Annotated[int, Field(ge=1, le=MAX_VERSION), AsWholeNumber]
VersionOrActive = Annotated[
    Version | Literal["active"], in_one_fault(f"must be a version number from 1 to {MAX_VERSION}, or `active`")
]

NamedVersion = Annotated[Version, Strict()]
"""In JSON."""

AnyModel = Annotated[
    NamedVersion | Literal["active"] | dict[str, Any],
    in_one_fault("must be a version number, `active`, or a whole document"),
]
"""A scoring model that a request names or brings along."""


def number_of(version: VersionOrActive) -> int | None:
    """The version number; None for `active`."""
    return None if version == "active" else version
