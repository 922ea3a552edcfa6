"""What happened to a lead, day by day, the latest first: its events and changes of stage."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from app.documents.leads import EventDocument, TransitionDocument
from app.screen.conditions import Names
from app.screen.formats import cut, long_day, number
from app.screen.stages import Ladder, StageLook

DETAILS = ("title", "name", "path", "url", "plan", "feature", "form", "page.path", "page.title")
"""Properties, or parts of the context, that say most about an event."""

ICONS = (
    ("pricing", "tag"),
    ("liked", "heart"),
    ("shared", "share-2"),
    ("comment", "message-circle"),
    ("video", "play"),
    ("webinar", "video"),
    ("newsletter", "mail"),
    ("email", "mail"),
    ("download", "download"),
    ("demo", "calendar"),
    ("meeting", "calendar"),
    ("trial", "rocket"),
    ("signed up", "user"),
    ("feature", "mouse-pointer-click"),
    ("form", "file-text"),
    ("order", "check"),
    ("read", "book-open"),
    ("view", "eye"),
)
"""By a part of the event's name or of the signals that it hits; the first that fits."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An event, or a change to the stage `look`. `points`: what the event gives today, before caps."""

    at: datetime
    icon: str
    title: str
    detail: str
    points: float
    look: StageLook | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """`words`: Today, Yesterday, or the day of the week. Days are in UTC."""

    words: str
    on: str
    moments: Sequence[Moment]


def timeline(
    events: Sequence[EventDocument],
    transitions: Sequence[TransitionDocument],
    names: Names,
    ladder: Ladder,
    today: date,
) -> list[Day]:
    moments = [*(_change(each, ladder) for each in transitions), *(_event(each, names) for each in events)]
    moments.sort(key=lambda moment: moment.at, reverse=True)
    return [
        Day(_words(on, today), long_day(on, today), list(those))
        for on, those in groupby(moments, key=lambda moment: moment.at.date())
    ]


def between(
    transitions: Sequence[TransitionDocument],
    events: Sequence[EventDocument],
    until: datetime | None,
    *,
    is_last: bool,
) -> list[TransitionDocument]:
    """The transitions that belong on a page of events. Each is on one page, also if no event is near it.

    `until`: when the last event of the page before occurred, None on the first page.
    """
    after = None if is_last else events[-1].occurred_at
    return [each for each in transitions if (until is None or each.at <= until) and (after is None or each.at > after)]


def _event(event: EventDocument, names: Names) -> Moment:
    title = event.name or event.type
    if event.signals:
        title = names.signal(event.signals[0])
    points = sum(round(each.points * 100) for each in event.points or ()) / 100
    detail = _detail(event)
    if event.retraction_id is not None:
        detail = f"retracted; {detail}" if detail else "retracted"
    return Moment(event.occurred_at, _icon(event), title, detail, points)


def _icon(event: EventDocument) -> str:
    text = " ".join([event.name, *(event.signals or ())]).lower().replace("_", " ")
    return next((icon for part, icon in ICONS if part in text), "circle")


def _detail(event: EventDocument) -> str:
    page = event.context.get("page")
    known = {
        **event.properties,
        **({f"page.{name}": text for name, text in page.items()} if isinstance(page, dict) else {}),
    }
    return next((cut(known[name], 80) for name in DETAILS if isinstance(known.get(name), str) and known[name]), "")


def _change(transition: TransitionDocument, ladder: Ladder) -> Moment:
    look = ladder[transition.to_stage]
    scores = ", ".join(f"{name} {number(value)}" for name, value in transition.scores.items())
    return Moment(
        transition.at, "flag", f"Became {look.title}", f"{scores}, by model {transition.model_version}", 0, look
    )


def _words(on: date, today: date) -> str:
    named = {today: "Today", today - timedelta(1): "Yesterday"}
    return named.get(on, f"{on:%A}")
