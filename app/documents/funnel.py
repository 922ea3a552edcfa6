"""The shapes of the funnel and of the sources in answers. docs/reports.md defines the figures."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from app.insight.funnel import Funnel, StageFigures
from app.insight.proportions import Proportion
from app.insight.quartiles import Quartiles
from app.insight.sources import Share, Source
from app.services.funnel import NONE, FunnelGroup, FunnelView, SourceField, SourcesView

HOURS_PER_DAY = 24
RowKind = Literal["total", "group", "other"]


class Days(BaseModel):
    """The quartiles of a time in days, and of how many `leads` it is known."""

    lower: float | None
    median: float | None
    upper: float | None
    leads: int

    @classmethod
    def of(cls, hours: Quartiles | None) -> Self:
        if hours is None:
            return cls(lower=None, median=None, upper=None, leads=0)
        lower, median, upper = (round(each / HOURS_PER_DAY, 2) for each in (hours.lower, hours.median, hours.upper))
        return cls(lower=lower, median=median, upper=upper, leads=hours.size)


class FunnelStage(BaseModel):
    """`conversion`: of the leads that reached the stage below, null for the first; `conversion_from_first`: of all."""

    stage: str
    title: str
    outcome: Literal["won"] | None
    reached: int
    conversion: float | None
    conversion_from_first: float | None
    now: int
    lost_ground: int
    days_from_previous: Days
    days_from_first_seen: Days

    @classmethod
    def of(cls, figures: StageFigures, below: int | None, first: int) -> Self:
        return cls(
            stage=figures.stage.name,
            title=figures.stage.title or figures.stage.name,
            outcome="won" if figures.stage.outcome == "won" else None,
            reached=figures.reached,
            conversion=None if below is None else _rate(figures.reached, below),
            conversion_from_first=_rate(figures.reached, first),
            now=figures.now,
            lost_ground=figures.lost_ground,
            days_from_previous=Days.of(figures.from_previous),
            days_from_first_seen=Days.of(figures.from_first_seen),
        )


class FunnelFigures(BaseModel):
    """One group of leads. `stages` leaves out the lost ones. `lost_ground`: each lead once, however far it fell."""

    leads: int
    won: int
    lost: int
    lost_ground: int
    stages: list[FunnelStage]

    @classmethod
    def of(cls, funnel: Funnel, **more: Any) -> Self:
        reached = [None, *(figures.reached for figures in funnel.stages)]
        stages = [
            FunnelStage.of(figures, below, funnel.leads)
            for figures, below in zip(funnel.stages, reached, strict=False)  # the last has none above
        ]
        return cls(
            leads=funnel.leads,
            won=funnel.won,
            lost=funnel.lost,
            lost_ground=funnel.lost_ground,
            stages=stages,
            **more,
        )


class FunnelGroupFigures(FunnelFigures):
    """`group`: the channel, the source, the account's key or the Monday of the week; null for leads without one."""

    group: str | None


class Report(BaseModel, populate_by_name=True, serialize_by_alias=True):
    """What a report covers: these days in UTC, both included, as known at a moment."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    model_version: int
    as_of: datetime


class FunnelDocument(Report):
    """The funnel of all leads, and by group. `other`: the groups beyond the limit together."""

    by: FunnelGroup | None
    total: FunnelFigures
    groups: list[FunnelGroupFigures]
    other: FunnelFigures | None

    @classmethod
    def of(cls, view: FunnelView, by: FunnelGroup | None) -> Self:
        return cls(
            first=view.cohort.first,
            last=view.cohort.last,
            model_version=view.model_version,
            as_of=view.as_of,
            by=by,
            total=FunnelFigures.of(view.total),
            groups=[FunnelGroupFigures.of(funnel, group=_group(name)) for name, funnel in view.groups.items()],
            other=FunnelFigures.of(view.other) if view.other else None,
        )

    def rows(self) -> Iterator[Mapping[str, Any]]:
        """A row for each stage of each funnel."""
        for kind, figures in _with_kinds(self.total, self.groups, self.other):
            written = figures.model_dump()
            about = {"row": kind, "group": written.get("group")}
            about |= {name: written[name] for name in ("leads", "won", "lost")}
            yield from (about | stage for stage in written["stages"])


class ShareDocument(BaseModel):
    """How many, and which share of the visitors, with its 95 % interval. Null if the model has no such stage."""

    count: int | None
    rate: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, share: Share) -> Self:
        return cls(count=share.count, **rounded(share.of_visitors))


def rounded(share: Proportion) -> dict[str, float | None]:
    """Its `rate`, `low` and `high` to four decimals."""
    return {name: None if value is None else round(value, 4) for name, value in asdict(share).items()}


class SourceFigures(BaseModel):
    visitors: int
    leads: ShareDocument
    qualified: ShareDocument
    customers: ShareDocument

    @classmethod
    def of(cls, source: Source, **more: Any) -> Self:
        return cls(
            visitors=source.visitors,
            leads=ShareDocument.of(source.leads),
            qualified=ShareDocument.of(source.qualified),
            customers=ShareDocument.of(source.customers),
            **more,
        )


class NamedSourceFigures(SourceFigures):
    """`name`: the channel, source, campaign or referrer; null for leads without one."""

    name: str | None


class SourcesDocument(Report):
    """What came of all visitors, and by source. `other`: the sources beyond the limit together."""

    by: SourceField
    total: SourceFigures
    sources: list[NamedSourceFigures]
    other: SourceFigures | None

    @classmethod
    def of(cls, view: SourcesView, by: SourceField) -> Self:
        return cls(
            first=view.cohort.first,
            last=view.cohort.last,
            model_version=view.model_version,
            as_of=view.as_of,
            by=by,
            total=SourceFigures.of(view.total),
            sources=[NamedSourceFigures.of(source, name=_group(name)) for name, source in view.sources.items()],
            other=SourceFigures.of(view.other) if view.other else None,
        )

    def rows(self) -> Iterator[Mapping[str, Any]]:
        for kind, figures in _with_kinds(self.total, self.sources, self.other):
            written = figures.model_dump()
            yield {"row": kind, "name": written.pop("name", None), **written}


def _with_kinds(total: BaseModel, groups: list[Any], other: BaseModel | None) -> Iterator[tuple[RowKind, BaseModel]]:
    yield "total", total
    for group in groups:
        yield "group", group
    if other is not None:
        yield "other", other


def _group(name: str) -> str | None:
    return None if name == NONE else name


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
