"""Attainable scores: the bounds hold for every lead, as do the answers, and unreachable stages are never reached."""

from datetime import timedelta
from math import inf
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.scoring.attainable import Known, answer, attainable, can_hold, implies
from app.scoring.conditions import Bounds, compile_condition
from app.scoring.days import Days
from app.scoring.document import COMBINERS, Condition, Score
from app.scoring.engine import CompiledModel, evaluate
from app.scoring.facts import Facts, day_of
from app.scoring.lint import lint
from app.scoring.stages import Standing, settle
from tests.scoring.strategies import MOMENT, compiled, conditions, events, facts_from, models

Json = dict[str, Any]


def score(**written: Any) -> Score:
    return Score.model_validate(written)


# --- Bounds -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "bounds"),
    [
        ({"signal": "seen", "points": 2}, (0, inf)),
        ({"signal": "seen", "points": -2}, (-inf, 0)),
        ({"signal": "seen", "points": 0}, (0, 0)),
        ({"signal": "seen", "points": 2, "max_points": 7}, (0, 7)),
        ({"signal": "seen", "points": -2, "max_points": 7}, (-7, 0)),
        ({"signal": "seen", "points": 2, "per_day": 3}, (0, inf)),
        ({"signal": "seen", "points": 2, "half_life_days": 7}, (0, inf)),
        ({"signal": "seen", "points": 2, "per_day": 3, "expires_after_days": 5}, (0, 30)),
        ({"signal": "seen", "points": 2, "per_day": 3, "fades_over_days": 4}, (0, 15)),
        ({"signal": "seen", "points": 2, "per_day": 3, "half_life_days": 1}, (0, 12)),
        ({"signal": "seen", "points": 2, "per_day": 3, "half_life_days": 1e-320}, (0, 6)),
        ({"signal": "seen", "points": 2, "per_day": 10**400, "expires_after_days": 5}, (0, inf)),
        ({"signal": "seen", "points": 2, "at_least": 3, "within_days": 1}, (0, 2)),
        ({"signal": "seen", "points": 2, "at_least": 3, "within_days": 1, "per_day": 2}, (0, 0)),
        ({"signal": "seen", "points": 2, "at_least": 4, "within_days": 2, "per_day": 2}, (0, 2)),
        ({"when": {"trait": "a", "eq": 1}, "points": -2}, (-2, 0)),
        ({"inactive_for_days": 3, "points": 1.006}, (0, 1.01)),
    ],
)
def test_the_points_of_a_rule_are_bounded(rule: Json, bounds: Bounds) -> None:
    assert attainable(score(rules={"rule": rule})) == bounds


@pytest.mark.parametrize(
    ("limits", "bounds"),
    [
        ({}, (-10, inf)),
        ({"groups": {"both": {"max": 50}}}, (-10, 55)),
        ({"groups": {"both": {"max": 0}}}, (-10, 5)),
        ({"min": -4}, (-4, inf)),
        ({"min": -20, "max": 100}, (-10, 100)),
        ({"groups": {"both": {"max": 50}}, "min": 0, "max": 54.5}, (0, 54.5)),
        ({"min": 200, "max": 300, "groups": {"both": {"max": 50}}}, (200, 200)),
        ({"min": -30, "max": -20}, (-20, -20)),
    ],
)
def test_groups_cap_sums_from_above_and_limits_cap_both_ways(limits: Json, bounds: Bounds) -> None:
    rules: Json = {
        "endless": {"signal": "seen", "points": 1},
        "bad": {"when": {"trait": "a", "eq": 1}, "points": -10},
        "good": {"when": {"trait": "a", "eq": 2}, "points": 5},
    }
    if "groups" in limits:
        rules["endless"]["group"] = rules["bad"]["group"] = "both"
    assert attainable(score(rules=rules, **limits)) == bounds


def busy(model: CompiledModel, hits: int, days: int) -> Facts:
    """A lead with `hits` hits of every signal on each of the last `days` days and today."""
    today = day_of(MOMENT)
    past = Days.of(dict.fromkeys(range(today - days, today + 1), hits))
    return Facts(tally=dict.fromkeys(model.fingerprints, past), last_seen_at=MOMENT, event_count=1)


# Functions of the model, because hits are stored by its signals' fingerprints.
SEEN = events().map(lambda past: lambda model: facts_from(model, past))
BUSY = st.tuples(st.integers(1, 500), st.integers(0, 60)).map(lambda much: lambda model: busy(model, *much))
LATER = st.integers(0, 60).map(lambda days: MOMENT + timedelta(days=days))


@given(models(), st.lists(SEEN | BUSY, min_size=3, max_size=5), LATER)
def test_no_score_is_ever_outside_the_attainable_bounds(raw: Json, leads: list[Any], moment: Any) -> None:
    model = compiled(raw)
    for lead in leads:
        for name, value in evaluate(model, lead(model), moment).values.items():
            least, greatest = attainable(model.document.scores[name])
            assert least <= value <= greatest


FINITE = st.sampled_from(["expires_after_days", "half_life_days", "fades_over_days"])


@given(
    FINITE,
    st.integers(1, 30),
    st.integers(1, 4),
    st.integers(-2_000, 2_000).map(lambda points: points / 100),
)
def test_a_lead_with_every_hit_that_counts_reaches_the_bound(
    decay: str, days: int, per_day: int, points: float
) -> None:
    rule = {"signal": "seen", "points": points, "per_day": per_day, decay: days}
    model = compiled(
        {
            "name": "one rule",
            "signals": {"seen": {"on": "Seen"}},
            "scores": {"x": {"rules": {"r": rule}}},
            "stages": [{"name": "first"}],
        }
    )
    least, greatest = attainable(model.document.scores["x"])
    value = evaluate(model, busy(model, per_day, days * 60), MOMENT).values["x"]
    assert value == pytest.approx(greatest if points > 0 else least, abs=0.011)
    assert 0 in (least, greatest)


# --- Answers ----------------------------------------------------------------------------------------------------


class Lead:
    """A lead with a score `x`, traits, and hits of a signal `s` with these ages."""

    def __init__(self, value: float, traits: Json, ages: list[int]) -> None:
        self.value, self.traits, self.ages = value, traits, ages

    def score(self, _name: str) -> Bounds:
        return self.value, self.value

    def hits(self, _signal: str, within_days: int | None) -> Bounds:
        count = sum(within_days is None or age < within_days for age in self.ages)
        return count, count


CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


def meets(lead: Lead, condition: Condition) -> bool:
    return bool(compile_condition(condition).holds(lead))


near = st.integers(0, 4)
OPERANDS: Json = dict.fromkeys(["eq", "ne", "gt", "gte", "lt", "lte"], near)
OPERANDS |= dict.fromkeys(["in", "not_in"], st.lists(near, min_size=1, max_size=2))
ON_SCORE = st.dictionaries(st.sampled_from(sorted(OPERANDS)), st.none(), min_size=1, max_size=2).flatmap(
    lambda chosen: st.fixed_dictionaries({"score": st.just("x"), **{name: OPERANDS[name] for name in chosen}})
)
ON_SIGNAL = st.fixed_dictionaries(
    {"signal": st.just("s")}, optional={"at_least": st.integers(1, 3), "within_days": st.integers(1, 4)}
)
ON_TRAIT = st.fixed_dictionaries({"trait": st.just("a"), "eq": st.sampled_from([0, 1, True])})
WRITTEN = conditions(ON_SCORE | ON_SIGNAL | ON_TRAIT)
CONDITIONS = WRITTEN.map(CONDITION.validate_python)
TRAITS = st.sampled_from([{}, {"a": 0}, {"a": 1}, {"a": "yes"}, {"a": [0, 1]}])
AGES = st.lists(st.integers(0, 5), max_size=4)
LEADS = st.builds(Lead, st.sampled_from([-1, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5]), TRAITS, AGES)
EVERYBODY = {"x": (-inf, inf)}


@given(CONDITIONS, st.lists(LEADS, min_size=1, max_size=10), st.booleans(), st.booleans())
def test_an_answer_is_right_for_every_lead_within_the_bounds(
    condition: Condition, leads: list[Lead], is_open_below: bool, is_open_above: bool
) -> None:
    values = [lead.value for lead in leads]
    scores = {"x": (-inf if is_open_below else min(values), inf if is_open_above else max(values))}
    truth = {meets(lead, condition) for lead in leads}
    certain = answer(condition, Known(scores))
    assert certain is None or truth == {certain}
    assert can_hold(condition, scores) or truth == {False}


@given(st.lists(CONDITIONS, min_size=2, max_size=4), st.sampled_from(COMBINERS), st.lists(LEADS, min_size=8))
def test_an_implied_condition_holds_for_every_lead_that_meets_the_first(
    drawn: list[Condition], combiner: str, leads: list[Lead]
) -> None:
    joined = [{combiner: drawn[:2]}, {"all": [drawn[0]], combiner: [*drawn[1:], drawn[0]]}]
    some = [*drawn, *map(CONDITION.validate_python, joined)]
    meeting = [{number for number, lead in enumerate(leads) if meets(lead, condition)} for condition in some]
    for one, who_meets_one in zip(some, meeting, strict=True):
        for other, who_meets_other in zip(some, meeting, strict=True):
            assert who_meets_one <= who_meets_other or not implies(one, other, EVERYBODY)


# --- Stages -----------------------------------------------------------------------------------------------------


def stages_over_time(model: CompiledModel, facts: Facts) -> set[str]:
    """The stages of a lead from before its first event on, checked every third day."""
    standing: Standing | None = None
    visited = set()
    for day in range(-45, 40, 3):
        moment = MOMENT + timedelta(days=day)
        standing, _ = settle(evaluate(model, facts, moment), standing, moment, "time")
        visited.add(standing.stage)
    return visited


RUNGS = st.lists(st.fixed_dictionaries({"when": WRITTEN}, optional={"keep": WRITTEN}), min_size=2, max_size=3)
POINTS = st.fixed_dictionaries(
    {"points": st.integers(-2, 2)}, optional={"max_points": st.integers(1, 4), "fades_over_days": st.just(4)}
)


@settings(max_examples=60)
@given(
    RUNGS,
    POINTS,
    st.sampled_from([{}, {"min": 0}, {"max": 3}, {"min": 0, "max": 2}]),
    st.lists(SEEN, min_size=3, max_size=5),
)
def test_no_lead_is_ever_in_a_stage_reported_as_unreachable(
    rungs: list[Json], points: Json, limits: Json, leads: list[Any]
) -> None:
    model = compiled(
        {
            "name": "few points",
            "signals": {"s": {"on": "Page Viewed"}},
            "scores": {"x": {"rules": {"r": {"signal": "s", **points}}, **limits}},
            "stages": [{"name": "rung0"}, *({"name": f"rung{n}", **rung} for n, rung in enumerate(rungs, start=1))],
        }
    )
    reported = [warning.path for warning in lint(model.document) if warning.code == "unreachable-stage"]
    assume(reported)
    unreachable = {f"rung{path[len('stages[')]}" for path in reported}
    for lead in leads:
        assert stages_over_time(model, lead(model)) & unreachable == set()


@settings(max_examples=40)
@given(models(), st.lists(SEEN, min_size=2, max_size=4))
def test_no_lead_is_ever_in_a_stage_reported_as_unreachable_under_any_model(raw: Json, leads: list[Any]) -> None:
    model = compiled(raw)
    paths = [warning.path for warning in lint(model.document) if warning.code == "unreachable-stage"]
    unreachable = {model.stages[int(path[len("stages[")])].name for path in paths}
    assert [lead for lead in leads if stages_over_time(model, lead(model)) & unreachable] == []
