"""Documents for activity: what came in each minute or hour from each source."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from app.services.activity import SourceActivity, Span, TimeUnit


class SourceActivityDocument(BaseModel):
    """The messages of a source, the name of a key, in the minute or hour that begins at `at`."""

    at: datetime = Field(validation_alias="start")
    source: str
    accepted: int
    duplicates: int = Field(validation_alias="duplicate")
    rejected: int
    quarantined: int

    @classmethod
    def of(cls, activity: SourceActivity) -> Self:
        return cls.model_validate(activity, from_attributes=True)


class ActivityDocument(BaseModel, populate_by_name=True, serialize_by_alias=True):
    """From `from` to before `to`. Sources that have sent nothing in a minute or hour are left out of it."""

    since: datetime = Field(alias="from")
    until: datetime = Field(alias="to")
    by: TimeUnit
    data: list[SourceActivityDocument]

    @classmethod
    def of(cls, span: Span, found: Iterable[SourceActivity]) -> Self:
        data = list(map(SourceActivityDocument.of, found))
        return cls(since=span.since, until=span.until, by=span.unit, data=data)
