"""Compiled rules: the points that each kind of rule gives a lead on a UTC day.

Over days without events, the points of any rule change in one direction only: hits lose weight, a frequency is no
longer reached, an inactivity begins. The forecast in `stages.py` relies on that.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, Protocol

from app.scoring.conditions import CompiledCondition, compile_condition
from app.scoring.document import Rule
from app.scoring.facts import Days, Facts, day_of

CENTS = 2
"""Every line of a ledger is rounded to this many decimals."""

Weight = Callable[[int], float]
"""From a hit's age in whole UTC days to its weight: from 1 for a new hit down to 0."""


class Earned(NamedTuple):
    """What a rule gives: points before its cap and, for a rule with a signal, the hits that count and the last day."""

    points: float
    hits: int = 0
    last_hit: int | None = None


NOTHING = Earned(0.0)


class Profile(NamedTuple):
    """What a rule sees of a lead: its facts, and its traits' values, including derived traits."""

    facts: Facts
    traits: Mapping[str, Any]


class RuleEvaluator(Protocol):
    """One kind of rule: a pure function of the lead and the day."""

    def earned(self, profile: Profile, today: int) -> Earned: ...


@dataclass(frozen=True, slots=True)
class SignalRule:
    """Points for each hit, weighted by its age."""

    fingerprint: str
    points: float
    per_day: int | None
    weight: Weight

    def earned(self, profile: Profile, today: int) -> Earned:
        shares, live, last_hit = [], 0, 0
        for day, hits in daily_hits(profile.facts.tally.get(self.fingerprint, {}), self.per_day, today):
            weight = self.weight(today - day)
            if weight > 0:
                shares.append(hits * weight)
                live += hits
                last_hit = max(last_hit, day)
        return Earned(to_cents(self.points * math.fsum(shares)), live, last_hit) if live else NOTHING

    def points_per_hit(self, profile: Profile, day: int, today: int) -> float:
        """What each hit of a day contributes to the points: hits that share points have equal parts."""
        return self.points * self.weight(today - day) * _counted_share(profile, self.fingerprint, self.per_day, day)


@dataclass(frozen=True, slots=True)
class FrequencyRule:
    """Points, once, while there are at least `at_least` hits in the last `within_days` days."""

    fingerprint: str
    points: float
    per_day: int | None
    at_least: int
    within_days: int

    def earned(self, profile: Profile, today: int) -> Earned:
        days = profile.facts.tally.get(self.fingerprint, {})
        recent = [(day, hits) for day, hits in daily_hits(days, self.per_day, today) if today - day < self.within_days]
        hits = sum([hits for _, hits in recent])
        return Earned(to_cents(self.points), hits, max(recent)[0]) if hits >= self.at_least else NOTHING

    def points_per_hit(self, profile: Profile, day: int, today: int) -> float:
        """As for a signal rule: the hits that count share the points."""
        earned = self.earned(profile, today)
        if not earned.hits or today - day >= self.within_days:
            return 0.0
        return self.points / earned.hits * _counted_share(profile, self.fingerprint, self.per_day, day)


HitRule = SignalRule | FrequencyRule
"""The kinds of rules whose points come from single events."""


@dataclass(frozen=True, slots=True)
class TraitRule:
    """Points while a condition on the traits holds."""

    when: CompiledCondition
    points: float

    def earned(self, profile: Profile, today: int) -> Earned:  # noqa: ARG002 -- a trait does not age
        return Earned(self.points) if self.when.holds(profile) else NOTHING


@dataclass(frozen=True, slots=True)
class InactivityRule:
    """Points once no event has occurred for `days` days."""

    days: int
    points: float

    def earned(self, profile: Profile, today: int) -> Earned:
        last = profile.facts.last_seen_at
        silent = last is not None and today - day_of(last) >= self.days
        return Earned(to_cents(self.points)) if silent else NOTHING


def daily_hits(days: Days, per_day: int | None, today: int) -> list[tuple[int, int]]:
    """Each day up to today, with its hits up to `per_day`. Later days don't count yet."""
    return [(day, hits if per_day is None else min(hits, per_day)) for day, hits in days.items() if day <= today]


def _counted_share(profile: Profile, fingerprint: str, per_day: int | None, day: int) -> float:
    """The part of a day's hits that counts."""
    hits = profile.facts.tally.get(fingerprint, {}).get(day, 0)
    return 1.0 if per_day is None or hits <= per_day else per_day / hits


def to_cents(points: float) -> float:
    return round(points, CENTS) + 0.0  # adding 0.0 turns -0.0 into 0.0


def compile_rule(rule: Rule, fingerprints: Mapping[str, str]) -> RuleEvaluator:
    """The evaluator of a rule. `fingerprints` maps signals' names to their fingerprints."""
    if rule.when is not None:
        return TraitRule(compile_condition(rule.when), to_cents(rule.points))
    if rule.inactive_for_days is not None:
        return InactivityRule(rule.inactive_for_days, rule.points)
    fingerprint = fingerprints[str(rule.signal)]
    if rule.at_least is not None and rule.within_days is not None:
        return FrequencyRule(fingerprint, rule.points, rule.per_day, rule.at_least, rule.within_days)
    return SignalRule(fingerprint, rule.points, rule.per_day, weight_of(rule))


def weight_of(rule: Rule) -> Weight:
    if rule.expires_after_days is not None:
        limit = rule.expires_after_days
        return lambda age: 1.0 if age < limit else 0.0
    if rule.half_life_days is not None:
        half_life = rule.half_life_days
        return lambda age: 2.0 ** (-age / half_life)
    if rule.fades_over_days is not None:
        span = rule.fades_over_days
        return lambda age: max(0.0, 1.0 - age / span)
    return lambda _age: 1.0


def date_of(day: int | None) -> date | None:
    return None if day is None else date.fromordinal(day)
