"""Documents for refused messages, and for releasing those that were quarantined."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, model_validator

from app.documents.pages import Page, WholeList
from app.documents.parameters import Moment, Storable
from app.documents.periods import check_span
from app.services.rejections import MessageCode, Rejection, RejectionFilter, matching
from app.services.releases import Release

MAX_IDS = 1_000

Text = Annotated[str, StringConstraints(min_length=1, max_length=200), Storable]


class RejectionDocument(BaseModel):
    """`body` is the message as JSON text, truncated if it was too long to store."""

    id: UUID
    source: str
    received_at: datetime
    code: str
    detail: str
    message_id: str | None
    body: str

    @classmethod
    def of(cls, rejection: Rejection) -> Self:
        return cls.model_validate(rejection, from_attributes=True)


class RejectionPage(Page[RejectionDocument]):
    pass


class RejectionCount(BaseModel):
    code: str
    count: int


class RejectionCounts(WholeList[RejectionCount]):
    pass


class ReleaseRequest(BaseModel):
    """Which quarantined messages to release: those that meet all the fields that are given, as for the list."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"code": ["crawler"], "source": "website", "dry_run": True}]}
    )

    dry_run: StrictBool = False
    ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_IDS)] | None = None
    code: Annotated[list[MessageCode], Field(min_length=1, max_length=MAX_IDS)] | None = None
    source: Text | None = None
    since: Moment | None = Field(None, alias="from")
    until: Moment | None = Field(None, alias="to")
    q: Text | None = None

    @model_validator(mode="after")
    def _has_a_filter(self) -> Self:
        if not any((self.ids, self.code, self.source, self.since, self.until, self.q)):
            raise ValueError("give at least one of ids, code, source, from, to, q")
        return self

    def wanted(self) -> RejectionFilter:
        """Raises `ValidationFailed`."""
        check_span(self.since, self.until)
        found = matching(self.q) if self.q else RejectionFilter()
        ids, codes = tuple(self.ids or ()), tuple(self.code or ())
        return replace(found, ids=ids, codes=codes, source=self.source, since=self.since, until=self.until)


class ReleaseDocument(BaseModel):
    """`released`: how many messages count now. `duplicates` and `suppressed` are off the list too, and don't count.

    `skipped` match, but can't be released. `left`: how many still can be, after a dry run all of them.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"dry_run": False, "released": 12, "duplicates": 1, "suppressed": 0, "skipped": 3, "left": 0},
            ]
        }
    )

    dry_run: bool
    released: int
    duplicates: int
    suppressed: int
    skipped: int
    left: int

    @classmethod
    def of(cls, release: Release, *, dry_run: bool) -> Self:
        return cls(dry_run=dry_run, **asdict(release))
