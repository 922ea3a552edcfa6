"""Documents for scoring models: versions, comparisons and previews."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel

from app.documents.model_checks import DifferenceDocument, ExampleDocument, WarningDocument
from app.documents.pages import Page
from app.services.model_checks import ModelReport
from app.services.models import State, Version


class VersionDocument(BaseModel):
    """`published_at`: when the version was last published, null for a draft.

    `created_by` and `published_by` are names of keys; null if the command line or leadscore itself did it.
    """

    version: int
    name: str
    state: State
    note: str | None
    created_at: datetime
    created_by: str | None
    published_at: datetime | None
    published_by: str | None

    @classmethod
    def of(cls, version: Version, **more: Any) -> Self:
        return cls(
            version=version.number,
            name=version.document["name"],
            state=version.state,
            note=version.note,
            created_at=version.created_at,
            created_by=version.created_by,
            published_at=version.published_at,
            published_by=version.published_by,
            **more,
        )


class VersionPage(Page[VersionDocument]):
    pass


class ModelDocument(VersionDocument):
    """A version with its document, warnings and example results."""

    warnings: list[WarningDocument]
    examples: list[ExampleDocument]
    document: dict[str, Any]

    @classmethod
    def of_checked(cls, version: Version, report: ModelReport) -> Self:
        return cls.of(
            version,
            warnings=WarningDocument.list_of(report),
            examples=list(map(ExampleDocument.of, report.examples)),
            document=version.document,
        )


class DiffDocument(BaseModel):
    """The differences between version `before` and version `after`."""

    before: int
    after: int
    differences: list[DifferenceDocument]
