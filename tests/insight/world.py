"""A made-up market: leads that read, try and buy, with known causes; and ways to plant leaks in it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from app.insight.histories import History
from app.insight.questions import Question
from app.insight.snapshots import After
from app.scoring.document import Signal
from app.scoring.events import Event, Identity

START = datetime(2025, 1, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOUGHT = Signal.model_validate({"on": "Order Completed"})
QUESTION = Question("order_completed", within_days=60, now=NOW, signal=BOUGHT, schedule=After(14))


def event(lead: str, day: date, name: str, **fields: Any) -> Event:
    """An event at nine o'clock; `fields` may have properties, context, traits, and the hour."""
    at = datetime(day.year, day.month, day.day, fields.get("hour", 9), tzinfo=UTC)
    return Event(
        id=UUID(int=0),
        source="test",
        message_id=f"{day}-{name}-{fields.get('number', 0)}",
        type="track" if name != "Identified" else "identify",
        name=name,
        identities=(Identity("user_id", lead),),
        occurred_at=at,
        received_at=at,
        trusted=True,
        properties=fields.get("properties", {}),
        context=fields.get("context", {}),
        traits=fields.get("traits", {}),
    )


def market(leads: int = 500, seed: int = 1) -> list[History]:
    """About four leads in ten buy: those who use the product, asked for a demo, or have many employees do so more."""
    random = np.random.default_rng(seed)
    return [_lead(f"lead-{number:05}", random) for number in range(leads)]


def _lead(lead: str, random: np.random.Generator) -> History:
    first = START.date() + timedelta(days=int(random.integers(240)))
    keenness, employees = float(random.normal()), int(np.exp(random.normal(3.5, 1)))
    asked = bool(random.random() < 0.2)
    traits = {"employees": employees, "country": str(random.choice(["de", "fr", "us"])), "name": lead}
    events = [event(lead, first, "Identified", traits=traits)]
    for number in range(random.poisson(3)):
        path = str(random.choice(["/", "/pricing", "/blog/news", "/docs/start"]))
        context = {"page": {"path": path}}
        events.append(event(lead, _soon(first, random), "Page Viewed", context=context, number=number))
    for number in range(random.poisson(np.exp(0.7 + 0.9 * keenness))):
        minutes = {"minutes": round(float(random.gamma(2, 12)), 1)}
        events.append(event(lead, _soon(first, random), "Feature Used", properties=minutes, number=number))
    if asked:
        events.append(event(lead, _soon(first, random), "Demo Requested"))
    log_odds = -1.2 + 1.2 * keenness + 1.3 * asked + 0.8 * (employees > 50)
    if random.random() > 1 / (1 + np.exp(-log_odds)):
        return History(lead, events, start_on=first)
    bought = first + timedelta(days=int(random.integers(15, 75)))
    return History(lead, [*events, event(lead, bought, "Order Completed")], bought, first)


def _soon(first: date, random: np.random.Generator) -> date:
    return first + timedelta(days=int(random.integers(14)))


def planted(histories: Iterable[History], plant: Callable[[History], Sequence[Event]]) -> list[History]:
    """The histories, each with the events that `plant` adds."""
    return [replace(each, events=[*each.events, *plant(each)]) for each in histories]


def shuffled(histories: Sequence[History], seed: int = 0) -> list[History]:
    """The same leads, each with the delay to the outcome of another one, and without orders."""
    order = np.random.default_rng(seed).permutation(len(histories)).tolist()
    return [_with_outcome_of(each, histories[other]) for each, other in zip(histories, order, strict=True)]


def _with_outcome_of(history: History, other: History) -> History:
    events = [each for each in history.events if each.name != "Order Completed"]
    if other.outcome_on is None or other.start_on is None or history.start_on is None:
        return replace(history, events=events, outcome_on=None)
    return replace(history, events=events, outcome_on=history.start_on + (other.outcome_on - other.start_on))
