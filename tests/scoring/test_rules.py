"""What a rule gives for years of hits is what its definition says, to the cent, though it hardly looks at old ones."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scoring.days import Days
from app.scoring.decay import weight_of
from app.scoring.document import Rule
from app.scoring.facts import Facts
from app.scoring.rules import NOTHING, Profile, SignalRule, compile_rule, to_cents

TODAY = 739_000
DECAYS: list[dict[str, float]] = [
    {},
    {"expires_after_days": 400},
    {"fades_over_days": 300},
    {"half_life_days": 0.01},
    {"half_life_days": 3.7},
    {"half_life_days": 14},
    {"half_life_days": 2_000},
]

decays = st.sampled_from(DECAYS)
points = st.sampled_from([0.125, 0.005, 1e-7, 0, -15]) | st.floats(-50, 50)
per_day = st.none() | st.integers(1, 3)
histories = st.builds(
    lambda hits, ago: {TODAY + 5 - ago - age: each % 7 for age, each in enumerate(hits)},
    hits=st.binary(min_size=70, max_size=900),
    ago=st.integers(0, 1_500),
)
"""Hits on many days in a row, of which the last ones may be still to come."""


def rule_of(**fields: Any) -> SignalRule:
    rule = compile_rule(Rule(signal="s", **fields), {"s": "f"})
    assert isinstance(rule, SignalRule)
    return rule


def profile_of(hits: Mapping[int, int]) -> Profile:
    return Profile(Facts(tally={"f": Days.of(hits)}), {})


def defined_points(rule: SignalRule, hits: Mapping[int, int]) -> float:
    capped = {day: min(each, rule.per_day or each) for day, each in hits.items() if day <= TODAY}
    return to_cents(rule.points * math.fsum(each * rule.decay.weight(TODAY - day) for day, each in capped.items()))


@given(histories, decays, points, per_day)
def test_a_rule_gives_the_exactly_rounded_sum_of_all_hits(
    hits: dict[int, int], decay: dict[str, float], points: float, per_day: int | None
) -> None:
    rule = rule_of(points=points, per_day=per_day, **decay)
    assert rule.earned(profile_of(hits), TODAY).points == defined_points(rule, hits)


@pytest.mark.parametrize("per_day", [1, None])
def test_hits_that_hardly_matter_count_where_they_change_the_cents(per_day: int | None) -> None:
    hits = {**dict.fromkeys(range(TODAY - 999, TODAY + 1), 1), TODAY - 510: 10**7}
    rules = [rule_of(points=cents / 100, half_life_days=14, per_day=per_day) for cents in range(2_000, 4_000)]
    expected = [defined_points(rule, hits) for rule in rules]
    assert [rule.earned(profile_of(hits), TODAY).points for rule in rules] == expected
    recent = {day: each for day, each in hits.items() if TODAY - day < max(rule.minor_age for rule in rules)}
    assert [defined_points(rule, recent) for rule in rules] != expected


def test_half_cents_are_rounded_as_in_the_exact_sum() -> None:
    for span in range(70, 300):
        hits = dict.fromkeys(range(TODAY - span + 1, TODAY + 1), 1)
        for points in (0.125, 0.25, 0.375, 0.75):
            rule = rule_of(points=points, fades_over_days=span)
            assert rule.earned(profile_of(hits), TODAY).points == defined_points(rule, hits)


@given(st.floats(0.01, 50), st.integers(1, 3), st.sampled_from([0.01, 3.7, 14, 2_000]))
def test_a_day_of_minor_age_adds_hardly_any_points(points: float, per_day: int, half_life: float) -> None:
    rule = rule_of(points=points, per_day=per_day, half_life_days=half_life)
    weight = weight_of(Rule(signal="s", points=points, half_life_days=half_life))
    assert points * per_day * weight(rule.minor_age) <= 1e-6 < points * per_day * weight(rule.minor_age - 1)


def test_a_rule_without_hits_gives_nothing() -> None:
    assert rule_of(points=3).earned(profile_of({TODAY + 1: 4}), TODAY) == NOTHING
