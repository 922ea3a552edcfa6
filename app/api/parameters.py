"""Parameters that several paths take: moments, pages, versions, short texts."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, Field

from app.protocol.values import is_storable
from app.scoring.document import in_one_fault

MAX_VERSION = 2**31 - 1  # what the column holds


def _storable(text: str) -> str:
    if not is_storable(text):
        msg = "must not hold U+0000"
        raise ValueError(msg)
    return text


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        msg = "must be within the years 1 to 9999, in UTC"
        raise ValueError(msg) from None


Storable = AfterValidator(_storable)
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=500)]
Version = Annotated[int, Field(ge=1, le=MAX_VERSION)]
VersionOrActive = Annotated[
    Version | Literal["active"], in_one_fault(f"must be the number of a version, 1 to {MAX_VERSION}, or `active`")
]


def number_of(version: VersionOrActive) -> int | None:
    """The version's number, None for the active one."""
    return None if version == "active" else version
