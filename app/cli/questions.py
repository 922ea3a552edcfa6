"""Options that ask about an outcome, shared by `leadscore model propose` and `leadscore model backtest`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from app.clock import utc_now
from app.errors import ValidationFailed
from app.insight.questions import Question
from app.insight.snapshots import schedule_of

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
        msg = "must be day, week or month"
        raise typer.BadParameter(msg) from None


Regularly = Annotated[
    Interval,
    typer.Option(
        "--every", "--snapshots", metavar="day|week|month", parser=_read_interval, help="Look at open leads this often."
    ),
]


def question(
    outcome: str, within: int, every: Interval, at: datetime | None, after: int | None, closed_by: list[str] | None
) -> Question:
    if at is not None and after is not None:
        raise ValidationFailed("--at and --after exclude each other: give one of them.")
    schedule = schedule_of(every, at.date() if at else None, after)
    return Question(outcome, within, utc_now(), schedule=schedule, closed_by=frozenset(closed_by or ()))
