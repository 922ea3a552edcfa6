"""What single events are worth: the signals that an event hits, and what it contributes to each rule."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.scoring.engine import Evaluation
from app.scoring.events import Event
from app.scoring.facts import day_of
from app.scoring.rules import HitRule, to_cents


@dataclass(frozen=True, slots=True)
class EventPoints:
    """What an event contributes to the points of a rule, before caps.

    Over all events of the lead, they add up to the rule's points, but for rounding. Of a day with more hits than
    `per_day`, each hit has an equal part; the points of a frequency rule are shared by the hits that it counts.
    """

    score: str
    rule: str
    signal: str
    points: float


def signals_of(evaluation: Evaluation, event: Event) -> list[str]:
    """The names of the signals that count an event."""
    hits = evaluation.model.hits_of(event, evaluation.model.fingerprints)
    return [signal.name for signal in evaluation.model.signals.values() if signal.fingerprint in hits]


def points_of(evaluation: Evaluation, event: Event) -> list[EventPoints]:
    """What one of the lead's events contributes on the day of the evaluation, without rules that it gives nothing."""
    return [each for each in _contributions(evaluation, event) if each.points]


def _contributions(evaluation: Evaluation, event: Event) -> Iterator[EventPoints]:
    signals, day = set(signals_of(evaluation, event)), day_of(event.occurred_at)
    for score in evaluation.model.scores.values():
        for rule in score.rules.values():
            if isinstance(rule.evaluator, HitRule) and rule.signal in signals and day <= evaluation.day:
                points = rule.evaluator.points_per_hit(evaluation.profile, day, evaluation.day)
                yield EventPoints(score.name, rule.name, rule.signal, to_cents(points))
