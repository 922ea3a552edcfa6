"""The shapes of a signal over time and by page in answers."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Literal, Self

from pydantic import BaseModel

from app.documents.funnel import Report, rounded
from app.insight.pages import Page
from app.services.signals import Interval, Pages, Series


class SeriesPoint(BaseModel):
    """A day, or the week that begins on that Monday. `people` are distinct within it."""

    start: date
    people: int
    hits: int


class SeriesDocument(Report):
    signal: str
    by: Interval
    points: list[SeriesPoint]

    @classmethod
    def of(cls, series: Series, signal: str, first: date, last: date, by: Interval) -> Self:
        return cls(
            first=first,
            last=last,
            model_version=series.model_version,
            as_of=series.as_of,
            signal=signal,
            by=by,
            points=[SeriesPoint.model_validate(point, from_attributes=True) for point in series.points],
        )

    def rows(self) -> Iterator[Mapping[str, Any]]:
        return ({"signal": self.signal, **point.model_dump()} for point in self.points)


class PageDocument(BaseModel):
    """`leads`: the people who ever got beyond the first stage. `rate` is their share, with its 95 % interval."""

    path: str | None
    hits: int
    people: int
    leads: int
    rate: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, page: Page) -> Self:
        return cls(path=page.path, hits=page.hits, people=page.people, leads=page.leads, **rounded(page.of_people))


class PagesDocument(Report):
    """`complete`: false if the period has so many events that only the latest were counted."""

    signal: str
    by: Literal["page.path"]
    complete: bool
    pages: list[PageDocument]

    @classmethod
    def of(cls, view: Pages, signal: str, first: date, last: date) -> Self:
        return cls(
            first=first,
            last=last,
            model_version=view.model_version,
            as_of=view.as_of,
            signal=signal,
            by="page.path",
            complete=view.is_complete,
            pages=list(map(PageDocument.of, view.pages)),
        )

    def rows(self) -> Iterator[Mapping[str, Any]]:
        return ({"signal": self.signal, **page.model_dump()} for page in self.pages)
