"""Compiled rules: the points that each kind of rule gives a lead on a UTC day.

Over days without events, the points of any rule change in one direction only: hits lose weight, a frequency is no
longer reached, an inactivity begins. The forecast in `stages.py` relies on that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, Protocol

from app.scoring.conditions import CompiledCondition, compile_condition
from app.scoring.days import Days
from app.scoring.decay import ROUNDING, Decay, weight_of
from app.scoring.document import Rule
from app.scoring.facts import Facts, day_of

CENTS = 2
"""Every line of a ledger is rounded to this many decimals."""

MINOR_POINTS = 1e-6
"""A day that gives no more than this hardly ever changes the cents, nor do hundreds of such days together."""

MANY_HITS = 1_000
"""Days hardly ever have more hits than this, if nothing caps them."""

FEW_DAYS = 60
"""For no more days than this, the exact sum takes no longer than bounds of it."""

NO_DAYS = Days()


class Earned(NamedTuple):
    """What a rule gives: points before its cap and, for a rule with a signal, the days that count.

    Of each day, at most `per_day` hits count.
    """

    points: float
    days: Days = NO_DAYS
    per_day: int | None = None

    @property
    def hits(self) -> int:
        return self.days.capped(self.per_day).total

    @property
    def last_hit(self) -> int | None:
        return self.days.last if self.days.runs else None


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
    """Points for each hit, weighted by its age. From `minor_age` on, hits hardly ever change the cents."""

    fingerprint: str
    points: float
    per_day: int | None
    decay: Decay
    minor_age: int

    def earned(self, profile: Profile, today: int) -> Earned:
        days = _days(profile, self).between(today - self.decay.lifetime + 1, today)
        if not days.runs:
            return NOTHING
        points = self._bounded(days, today) if days.length > FEW_DAYS else None
        if points is None:
            points = to_cents(self.points * self.decay.weighted(days.capped(self.per_day), today))
        return Earned(points, days, self.per_day)

    def _bounded(self, days: Days, today: int) -> float | None:
        """The points, without the exact sum: None unless a lower and an upper bound of it give the same cents.

        Rounding keeps the order of numbers, so whatever is between the bounds gives these cents, too.
        """
        first = today - self.minor_age + 1
        recent = days.between(first, today)
        least = most = self.decay.roughly_weighted(recent.capped(self.per_day), today)
        if recent is not days:
            most += self.decay.weight(self.minor_age) * days.between(0, first - 1).at_most(self.per_day)
        low, high = (to_cents(self.points * each) for each in (least * (1 - ROUNDING), most * (1 + ROUNDING)))
        return low if low == high else None

    def points_per_hit(self, profile: Profile, day: int, today: int) -> float:
        """What each hit of a day contributes to the points: hits that share points have equal parts."""
        return self.points * self.decay.weight(today - day) * _counted_share(profile, self, day)


@dataclass(frozen=True, slots=True)
class FrequencyRule:
    """Points, once, while there are at least `at_least` hits in the last `within_days` days."""

    fingerprint: str
    points: float
    per_day: int | None
    at_least: int
    within_days: int

    def earned(self, profile: Profile, today: int) -> Earned:
        days = _days(profile, self).between(today - self.within_days + 1, today)
        earned = Earned(to_cents(self.points), days, self.per_day)
        return earned if earned.hits >= self.at_least else NOTHING

    def points_per_hit(self, profile: Profile, day: int, today: int) -> float:
        """As for a signal rule: the hits that count share the points."""
        earned = self.earned(profile, today)
        if earned is NOTHING or today - day >= self.within_days:
            return 0.0
        return self.points / earned.hits * _counted_share(profile, self, day)


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


def _days(profile: Profile, rule: HitRule) -> Days:
    """All days on which the lead has hits of a rule's signal."""
    return profile.facts.tally.get(rule.fingerprint, NO_DAYS)


def _counted_share(profile: Profile, rule: HitRule, day: int) -> float:
    """The part of a day's hits that counts."""
    hits = _days(profile, rule).get(day, 0)
    return 1.0 if rule.per_day is None or hits <= rule.per_day else rule.per_day / hits


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
    decay = Decay(weight_of(rule))
    most_a_day = abs(rule.points) * (rule.per_day or MANY_HITS)
    minor_age = decay.age_of(MINOR_POINTS / most_a_day) if most_a_day else 0
    return SignalRule(fingerprint, rule.points, rule.per_day, decay, minor_age)


def date_of(day: int | None) -> date | None:
    return None if day is None else date.fromordinal(day)
