"""Recounts the funnel from the event log, the feed and the identities, person by person, to compare with the report.

It shares nothing with the report but the names that old stages have in the active model.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from app.scoring.document import Stage
from app.scoring.events import Event
from app.scoring.sources import first_touch
from app.services.feed import Change

PresentName = Callable[[str, int, datetime], str]
"""What the active model calls the stage that a version called so at a moment."""


@dataclass(eq=False)
class Person:
    """Their events, the stages that any of their leads entered and when, and the one that their lead is in."""

    events: list[Event] = field(default_factory=list)
    moves: list[tuple[datetime, str]] = field(default_factory=list)
    stage: str = ""

    @property
    def first_seen_at(self) -> datetime:
        return min(event.occurred_at for event in self.events)

    @property
    def first_seen_on(self) -> date:
        return self.first_seen_at.date()

    @property
    def came_as_history(self) -> bool:
        return min(event.received_at for event in self.events) - self.first_seen_at > timedelta(days=1)

    @property
    def source(self) -> Mapping[str, Any]:
        """The first touch: that of the earliest event from a page."""
        touches = [
            (event.occurred_at, event.message_id, touch)
            for event in self.events
            if (touch := first_touch(event.context, event.properties if event.type == "page" else {}))
        ]
        return min(touches, key=lambda touch: touch[:2])[2] if touches else {}

    def entered(self, stages: Iterable[str]) -> datetime | None:
        """When they first entered one of these stages."""
        return min((at for at, stage in self.moves if stage in stages), default=None)


def people(
    log: Sequence[Event], owners: Mapping[str, UUID], changes: Sequence[Change], present_name: PresentName
) -> list[Person]:
    """Everybody in the log. `owners`: the lead of each identity."""
    found: dict[UUID | None, Person] = {owner: Person() for owner in owners.values()}
    for event in log:
        found[owners[str(event.identities[0])]].events.append(event)
    merged = {UUID(change.data["from"]): change.lead_id for change in changes if change.type == "lead.merged"}
    for change in changes:
        if change.type == "lead.stage_changed":
            survivor = change.lead_id
            while survivor in merged:
                survivor = merged[survivor]
            stage = present_name(change.data["to"], change.data["model_version"], change.at)
            found[survivor].moves.append((change.at, stage))
            if survivor == change.lead_id:
                found[survivor].stage = stage
    return list(found.values())


def recount(persons: Sequence[Person], stages: Sequence[Stage]) -> list[Any]:
    """Leads, won, lost, and of each stage: name, reached, now, lost ground, and the hours until it was reached."""
    names = [stage.name for stage in stages if stage.outcome != "lost"]
    lost = [stage.name for stage in stages if stage.outcome == "lost"]
    first_won = next((names.index(stage.name) for stage in stages if stage.outcome == "won"), len(names))
    won = [each for each in persons if each.entered(names[first_won:])]
    count_lost = sum(each.stage in lost for each in persons if each not in won)
    return [len(persons), len(won), count_lost, *(_stage(rung, persons, names, lost) for rung in range(len(names)))]


def _stage(rung: int, persons: Sequence[Person], names: Sequence[str], lost: Sequence[str]) -> tuple[Any, ...]:
    places = [each.stage if each.stage in (*names, *lost) else names[0] for each in persons]
    reached = [not rung or each.entered(names[rung:]) is not None for each in persons]
    hours = [
        _hours_until(rung, each, names)
        for each, has_reached in zip(persons, reached, strict=True)
        if rung and has_reached and not each.came_as_history
    ]
    return (
        names[rung],
        sum(reached),
        places.count(names[rung]),
        sum(was and place in names[:rung] for was, place in zip(reached, places, strict=True)),
        sorted(hours),
    )


def _hours_until(rung: int, person: Person, names: Sequence[str]) -> int:
    """The sum of their steps up to a rung, each rounded down: to hours on the first day, else to days."""
    total, highest, since = 0, 0, person.first_seen_at
    for at, reached in sorted((at, names.index(stage)) for at, stage in person.moves if stage in names):
        if highest < rung and reached > highest:
            time = at - since
            total += 24 * time.days or time.seconds // 3600
            highest, since = reached, at
    return total
