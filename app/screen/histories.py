"""A lead's history as a chart: a line for each score, with thresholds, days with events, and a strip of stages."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from app.documents.leads import EventDocument, HistoryDay
from app.screen.charts import Plot, plot
from app.screen.formats import cut, day, number
from app.screen.labels import ScoreLook
from app.screen.stages import Ladder, StageLook

MAX_NAMES = 4


@dataclass(frozen=True, slots=True)
class Line:
    """`past` and `future` meet today. On days whose model lacked the score, there is no line.

    `first` is the earliest value, `latest` is today's, with its height in thousandths.
    """

    look: ScoreLook
    past: str
    future: str
    area: str
    future_area: str
    first: float
    latest: float
    latest_y: float


@dataclass(frozen=True, slots=True)
class Span:
    """Some days in one stage; `x` and `width` in percent."""

    look: StageLook
    x: float
    width: float
    since: date


@dataclass(frozen=True, slots=True)
class Tick:
    """A day with events; `is_strong` if they are worth points."""

    x: float
    words: str
    is_strong: bool


@dataclass(frozen=True, slots=True)
class HistoryChart:
    """`marks`: thresholds as words with their heights in thousandths. `sentence`: the chart in words."""

    lines: Sequence[Line]
    spans: Sequence[Span]
    ticks: Sequence[Tick]
    marks: Sequence[tuple[str, float]]
    first: date
    last: date
    today_x: float
    sentence: str


def chart_of(
    days: Sequence[HistoryDay],
    events: Sequence[EventDocument],
    looks: Mapping[str, ScoreLook],
    ladder: Ladder,
    marks: Sequence[tuple[str, float]],
    today: date,
) -> HistoryChart:
    """`days` must not be empty, and `marks` are thresholds of the first score."""
    values = [score.value for each in days for score in each.scores.values()]
    drawn = plot([each.on for each in days], values, [value for _, value in marks])
    lines = [_line(days, look, drawn) for name, look in looks.items() if any(name in each.scores for each in days)]
    return HistoryChart(
        lines=lines,
        spans=list(_spans(days, ladder, drawn)),
        ticks=list(_ticks(events, drawn, today)),
        marks=[(words, drawn.y(value)) for words, value in marks],
        first=days[0].on,
        last=days[-1].on,
        today_x=drawn.x(min(max(today, days[0].on), days[-1].on)),
        sentence=_sentence(days, lines, ladder, today),
    )


def _line(days: Sequence[HistoryDay], look: ScoreLook, drawn: Plot) -> Line:
    past = list(_runs((each for each in days if not each.forecast), look.name))
    coming = [value for run in _runs((each for each in days if each.forecast), look.name) for value in run]
    future = [*(past[-1][-1:] if past else ()), *coming] if coming else []
    latest = past[-1][-1] if past else coming[0]
    return Line(
        look,
        past=" ".join(map(drawn.line, past)),
        future=drawn.line(future),
        area=" ".join(map(drawn.area, past)),
        future_area=drawn.area(future),
        first=(past[0] if past else coming)[0][1],
        latest=latest[1],
        latest_y=drawn.y(latest[1]),
    )


def _runs(days: Iterable[HistoryDay], score: str) -> Iterator[list[tuple[date, float]]]:
    """The values of a score on successive days that have it."""
    for has_score, run in groupby(days, key=lambda each: score in each.scores):
        if has_score:
            yield [(each.on, each.scores[score].value) for each in run]


def _spans(days: Sequence[HistoryDay], ladder: Ladder, drawn: Plot) -> Iterator[Span]:
    runs = [[each.on for each in run] for _, run in groupby(days, key=lambda each: each.stage)]
    stages = [stage for stage, _ in groupby(each.stage for each in days)]
    ends = [*(run[0] for run in runs[1:]), days[-1].on]
    for stage, run, end in zip(stages, runs, ends, strict=True):
        yield Span(ladder[stage], drawn.x(run[0]), drawn.x(end) - drawn.x(run[0]), run[0])


def _ticks(events: Sequence[EventDocument], drawn: Plot, today: date) -> Iterator[Tick]:
    by_day: dict[date, list[EventDocument]] = {}
    for event in (each for each in events if each.retraction_id is None):
        by_day.setdefault(event.occurred_at.date(), []).append(event)
    for on, those in sorted(by_day.items()):
        if drawn.first <= on <= drawn.last:
            names = list(dict.fromkeys(cut(event.name or event.type, 40) for event in those))[:MAX_NAMES]
            strong = any(point.points >= 1 for event in those for point in event.points or ())
            yield Tick(drawn.x(on), f"{day(on, today)}: {', '.join(names)}", strong)


def _sentence(days: Sequence[HistoryDay], lines: Sequence[Line], ladder: Ladder, today: date) -> str:
    past = [each for each in days if not each.forecast] or days
    figures = [f"{line.look.title} goes from {number(line.first)} to {number(line.latest)}" for line in lines]
    change = next((each for each in days if each.forecast and each.stage != past[-1].stage), None)
    coming = (
        f"If nothing happens, the stage becomes {ladder[change.stage].title} on {day(change.on, today)}"
        if change
        else ""
    )
    return "".join(f"{sentence}. " for sentence in (*figures, coming) if sentence).rstrip()


def thresholds_of(model: Mapping[str, Any], score: str) -> list[tuple[str, float]]:
    """How much of a score the stages of a model's document ask for, ascending, each with the stages' titles."""
    ladder = Ladder.of(model["stages"])
    stages: dict[float, list[str]] = {}
    for stage in model["stages"]:
        if limits := list(_limits(stage.get("when"), score)):
            stages.setdefault(min(limits), []).append(ladder[stage["name"]].short)
    return [(", ".join(titles), limit) for limit, titles in sorted(stages.items())]


def _limits(condition: Any, score: str) -> Iterator[float]:
    if not isinstance(condition, Mapping):
        return
    if condition.get("score") == score and isinstance(condition.get("gte"), int | float):
        yield condition["gte"]
    for part in (*condition.get("all", ()), *condition.get("any", ())):
        yield from _limits(part, score)
