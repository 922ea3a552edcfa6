"""The shape of a signal over time in answers."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Self

from pydantic import BaseModel

from app.documents.funnel import Report
from app.services.signals import Interval, Series


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
