"""Which of 40 rules an event meets, in process: a compiled model, against closures written by hand.

Both are indexed by the event's name, are asked about the same events, and are measured alternately.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import median
from time import process_time
from typing import Any

from app.scoring.engine import CompiledModel, compile_model
from app.scoring.events import Event
from benchmarks.figures import Comparison, Figure
from benchmarks.matching_rules import RULES, Holds, rules_as_model
from benchmarks.people import past_event

EVENTS = 20_000
ROUNDS = 15

PATHS = ("/", "/features", "/Pricing", "/pricing/enterprise", "/blog/five-metrics", "/docs/api", "/customers", "/about")
FEATURES = ("report", "export", "api", "invite", "sso", "search", "comment", "filter")
FORMS = ("contact", "contact-sales", "request-demo", "newsletter", "feedback")
MEDIA = ("cpc", "email", "social", "referral")
FROM_CAMPAIGNS = 0.1
MIX: Mapping[str, tuple[int, Callable[[], dict[str, Any]]]] = {
    "Page Viewed": (55, lambda: {"title": "Example", "url": "https://www.example.com/", "referrer": ""}),
    "Feature Used": (
        20,
        lambda: {"feature": random.choice(FEATURES), "plan": random.choice(("free", "Team", "trial"))},
    ),
    "Button Clicked": (10, lambda: {"button": "menu", "position": 3}),  # which no rule counts
    "Article Read": (4, lambda: {"title": "Five metrics", "progress": random.random()}),
    "Video Playback Completed": (3, lambda: {"title": "A tour", "seconds": random.randrange(600)}),
    "Form Submitted": (3, lambda: {"form": random.choice(FORMS), "form_id": "f1"}),
    "Content Downloaded": (2, lambda: {"title": "Ten charts", "kind": random.choice(("whitepaper", "template"))}),
    "Trial Started": (1, lambda: {"plan": "team", "seats": random.choice((1, "5", 12, "80"))}),
    "Demo Requested": (1, dict),
    "Order Completed": (1, lambda: {"total": random.choice((90, 1_200.5, "4000")), "currency": "EUR"}),
}
"""Events by name: their share in percent, and their properties."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Events matched a second of processor time."""

    rates: Comparison

    def __str__(self) -> str:
        ours, by_hand = (1e6 / median(rates) for rates in (self.rates.ours, self.rates.baseline))
        return (
            f"{len(RULES)} rules matched against {EVENTS:,} events, {ROUNDS} rounds, medians:\n"
            f"  compiled model {ours:.2f} µs an event   closures by hand {by_hand:.2f} µs an event\n"
            f"  ratio of rates, round by round: {self.rates.ratio:.2f}"
        )

    @property
    def figures(self) -> list[Figure]:
        name = f"{len(RULES)} rules matched against an event, in process: rate"
        against = "closures written by hand, indexed by event name"
        return [Figure(name, against, self.rates.ratio, "at least", 1)]


def measure() -> Matching:
    events, model = _events(), compile_model(rules_as_model(), 1)
    by_model, by_hand = _compiled(model), _written_by_hand(model)
    if any(by_model(event) != by_hand(event) for event in events):
        raise RuntimeError("The model and the closures match different events.")
    rounds = [(_rate(by_model, events), _rate(by_hand, events)) for _ in range(ROUNDS)]
    return Matching(Comparison(*zip(*rounds, strict=True)))


def _events() -> list[Event]:
    names = random.choices(list(MIX), [share for share, _ in MIX.values()], k=EVENTS)
    return [replace(past_event(0, 1), name=name, properties=MIX[name][1](), context=_context()) for name in names]


def _context() -> dict[str, Any]:
    campaign = {"campaign": {"source": "example", "medium": random.choice(MEDIA)}}
    return {
        "page": {"path": random.choice(PATHS), "url": "https://www.example.com/", "title": "Example"},
        "library": {"name": "analytics.js", "version": "2"},
        "locale": "en-GB",
        **(campaign if random.random() < FROM_CAMPAIGNS else {}),
    }


Match = Callable[[Event], set[str]]
"""Gives the fingerprints of the rules that an event meets."""


def _compiled(model: CompiledModel) -> Match:
    return lambda event: model.hits_of(event, model.fingerprints)


def _written_by_hand(model: CompiledModel) -> Match:
    by_event: dict[str, list[tuple[str, Holds]]] = {}
    for name, rule in RULES.items():
        for event_name in rule.on:
            by_event.setdefault(event_name, []).append((model.signals[name].fingerprint, rule.by_hand))
    return lambda event: {fingerprint for fingerprint, holds in by_event.get(event.name, ()) if holds(event)}


def _rate(match: Match, events: Iterable[Event]) -> float:
    started = process_time()
    for event in events:
        match(event)
    return EVENTS / (process_time() - started)
