"""Questions about an outcome, from the options of `leadscore model propose` and `backtest` or from a job's request."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer

from app.cli.faults import read_options
from app.documents.outcomes import OutcomeRequest
from app.errors import ValidationFailed
from app.insight.questions import Question
from app.insight.snapshots import schedule_of

Request = TypeVar("Request", bound=OutcomeRequest)

OPTIONS = {
    "within_days": "--within",
    "after_days": "--after",
    "since_stage": "--since",
    "max_rules": "--rules",
    "capacity_per_week": "--capacity",
    "precision": "--precision",
}

Outcome = Annotated[
    str, typer.Option(metavar="NAME", help="What to predict: a signal or stage of the active model, or an event.")
]
Within = Annotated[int, typer.Option(min=1, max=3650, metavar="DAYS", help="How soon it has to follow.")]
AfterDays = Annotated[
    int | None,
    typer.Option(min=0, max=3650, metavar="DAYS", help="Look at each lead once, so long after its first event."),
]
SinceStage = Annotated[
    str | None, typer.Option(metavar="STAGE", help="Count --after from when the lead entered this stage.")
]
ClosedBy = Annotated[
    list[str] | None,
    typer.Option(metavar="EVENT", help="After this event a lead is closed. May be given several times."),
]
On = Annotated[
    datetime | None, typer.Option("--at", formats=["%Y-%m-%d"], metavar="DATE", help="Look at all leads on one day.")
]


class Interval(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


WRITTEN_OTHERWISE = {"daily": Interval.DAY, "weekly": Interval.WEEK, "monthly": Interval.MONTH}


def _read_interval(text: str) -> Interval:
    try:
        return WRITTEN_OTHERWISE.get(text) or Interval(text)
    except ValueError:
        raise typer.BadParameter("must be day, week or month") from None


Regularly = Annotated[
    Interval,
    typer.Option(
        "--every", "--snapshots", metavar="day|week|month", parser=_read_interval, help="Look at open leads this often."
    ),
]


def read_request(kind: type[Request], at: datetime | None, after: int | None, **fields: Any) -> Request:
    """Raises `ValidationFailed`."""
    if at is not None and after is not None:
        raise ValidationFailed("--at and --after exclude each other: give one of them.")
    return read_options(kind, OPTIONS, at=at and at.date(), after_days=after, **fields)


def question_of(wanted: OutcomeRequest, now: datetime) -> Question:
    schedule, closed_by = schedule_of(wanted.every, wanted.at, wanted.after_days), frozenset(wanted.closed_by)
    return Question(wanted.outcome, wanted.within_days, now, schedule=schedule, closed_by=closed_by)
