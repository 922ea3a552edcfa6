"""The laws of DESIGN.md that concern the pure core. The writer's tests have those that need a database."""

from copy import deepcopy
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.scoring.days import Days
from app.scoring.engine import CompiledModel, evaluate, ledger
from app.scoring.facts import Facts, Stamped, Tally, add_tallies, merge, subtract, subtract_tally
from app.scoring.rules import NOTHING
from app.scoring.stages import Span, Standing, forecast, look_ahead, predict, settle, stage_of, stage_reason
from tests.scoring.strategies import (
    MOMENT,
    NAMES,
    compiled,
    event_of,
    events,
    facts,
    facts_from,
    models,
    moments,
    raw_events,
    stamped,
    tallies,
    values,
)

Json = dict[str, Any]
STANDINGS = st.none() | st.builds(Standing, st.sampled_from(["first", "second", "third", "gone"]), moments(-40, 0))

COUNTING = compiled(
    {
        "name": "counting",
        "signals": {
            "seen": {"on": ["Page Viewed", "page_viewed"]},
            "seen_too": {"on": "PAGE-VIEWED"},
            "sized": {"on": NAMES, "where": {"property": "size", "exists": True}},
            "trusted": {"on": NAMES, "trusted": True},
        },
        "stages": [{"name": "first"}],
    }
)


# --- 1 Order, 3 Batching, 4 Merging: facts form a commutative monoid --------------------------------------------


@given(events(), st.randoms(use_true_random=False))
def test_any_order_of_the_same_events_gives_the_same_facts(past: list[Json], random: Any) -> None:
    shuffled = random.sample(past, len(past))
    assert facts_from(COUNTING, shuffled) == facts_from(COUNTING, past)


@given(events(), st.lists(st.integers(0, 14), max_size=4))
def test_any_split_into_batches_gives_the_same_facts(past: list[Json], cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(past)]
    batches = [past[start:end] for start, end in pairwise(edges)]
    state = Facts()
    for batch in batches:
        state = merge([state, facts_from(COUNTING, batch)])
    assert state == facts_from(COUNTING, past)


@given(events(), st.lists(st.booleans(), min_size=14, max_size=14), st.integers(0, 14))
def test_two_leads_merged_at_any_point_are_one_lead(past: list[Json], mine: list[bool], merged_after: int) -> None:
    early, late = past[:merged_after], past[merged_after:]
    one = facts_from(COUNTING, [raw for raw, is_mine in zip(early, mine, strict=False) if is_mine])
    other = facts_from(COUNTING, [raw for raw, is_mine in zip(early, mine, strict=False) if not is_mine])
    assert merge([one, other, facts_from(COUNTING, late)]) == facts_from(COUNTING, past)


@given(facts(), raw_events(3), stamped(st.sampled_from(["/", "/?utm_medium=email"])))
def test_an_event_adds_the_same_facts_if_those_that_it_is_merged_with_are_given(
    known: Facts, raw: Json, visit: Stamped
) -> None:
    page = {"page": {"url": f"https://acme.example{visit.value}"}}
    event = event_of({**raw, "context": page, "occurred_at": visit.at, "message_id": visit.message_id})
    assert merge([known, COUNTING.facts_of(event, known)]) == merge([known, COUNTING.facts_of(event)])


@given(facts(), facts())
def test_merging_facts_is_commutative(one: Facts, other: Facts) -> None:
    assert merge([one, other]) == merge([other, one])


@given(facts(), facts(), facts())
def test_merging_facts_is_associative(one: Facts, two: Facts, three: Facts) -> None:
    assert merge([merge([one, two]), three]) == merge([one, merge([two, three])]) == merge([one, two, three])


@given(events(), st.randoms(use_true_random=False), st.integers(0, 14))
def test_traits_over_the_limit_are_dropped_whatever_the_order(past: list[Json], random: Any, cut: int) -> None:
    with patch("app.scoring.facts.MAX_TRAITS", 2):
        shuffled = random.sample(past, len(past))
        parts = [facts_from(COUNTING, part) for part in (shuffled[:cut], shuffled[cut:])]
        assert merge(parts) == facts_from(COUNTING, past)
        assert len(merge(parts).traits) <= 2


@given(facts())
def test_merging_empty_facts_changes_nothing(some: Facts) -> None:
    assert merge([some, Facts()]) == merge([Facts(), some]) == merge([some]) == some


@given(facts(), facts())
def test_merging_changes_neither_part(one: Facts, other: Facts) -> None:
    before = deepcopy((one, other))
    merged = merge([one, other])
    merged.tally["f1"] = Days.of({739_000: 1_000})
    assert (one, other) == before


@given(stamped(values), stamped(values))
def test_two_different_values_of_a_trait_are_always_ordered(one: Stamped, other: Stamped) -> None:
    assert (not one < other and not other < one) == (repr(one) == repr(other))


# --- 2 Repetition, in the pure core -----------------------------------------------------------------------------


@given(events(max_size=6))
def test_apart_from_counts_merging_the_same_facts_twice_changes_nothing(past: list[Json]) -> None:
    once, twice = facts_from(COUNTING, past), facts_from(COUNTING, past + past)
    assert (twice.traits, twice.source, twice.first_seen_at, twice.last_seen_at) == (
        once.traits,
        once.source,
        once.first_seen_at,
        once.last_seen_at,
    )


@given(events(max_size=6))
def test_an_event_is_one_hit_for_a_signal_even_if_several_of_its_names_match(past: list[Json]) -> None:
    for raw in past:
        tally = COUNTING.facts_of(event_of(raw)).tally
        assert [days for days in tally.values() if days != {raw["occurred_at"].toordinal(): 1}] == []


# --- Tallies add and subtract -----------------------------------------------------------------------------------


@given(tallies(), tallies())
def test_subtracting_what_was_added_leaves_the_tally(tally: Tally, part: Tally) -> None:
    assert subtract_tally(add_tallies([tally, part]), part) == tally


@given(events(), st.integers(0, 14))
def test_facts_without_a_part_are_those_of_the_other_events_or_only_these_can_tell(past: list[Json], cut: int) -> None:
    kept, taken = facts_from(COUNTING, past[:cut]), facts_from(COUNTING, past[cut:])
    left = subtract(merge([kept, taken]), taken)
    assert left is None or left == kept


def three_days(**second: Any) -> list[Json]:
    """An event a day; the second says more than that it happened."""
    plain: Json = {"name": NAMES[0], "properties": {}, "context": {}, "traits": {}, "trusted": True}
    past = [plain | {"message_id": f"m{day}", "occurred_at": MOMENT + timedelta(days=day)} for day in range(3)]
    return [past[0], past[1] | second, past[2]]


def test_an_event_without_traits_between_others_is_subtracted_without_reading_these() -> None:
    past = three_days()
    whole, between = facts_from(COUNTING, past), facts_from(COUNTING, past[1:2])
    assert subtract(whole, between) == facts_from(COUNTING, [past[0], past[2]])


@pytest.mark.parametrize(
    "said",
    [
        {"traits": {"company": "Globex"}},
        {"type": "group", "properties": {"groupId": "globex"}},
        {"context": {"page": {"url": "https://example.com/?utm_source=news"}}},
    ],
    ids=["a trait", "the group", "the first touch"],
)
def test_without_an_event_that_prevailed_only_the_others_can_tell(said: Json) -> None:
    past = three_days(**said)
    assert subtract(facts_from(COUNTING, past), facts_from(COUNTING, past[1:2])) is None


@given(tallies(), tallies())
def test_adding_what_was_subtracted_gives_the_tally_back(tally: Tally, part: Tally) -> None:
    assert subtract_tally(add_tallies([subtract_tally(tally, part), part]), {}) == tally


@given(tallies(), tallies(), tallies())
def test_parts_can_be_subtracted_together_or_one_by_one(tally: Tally, one: Tally, other: Tally) -> None:
    assert subtract_tally(subtract_tally(tally, one), other) == subtract_tally(tally, add_tallies([one, other]))


# --- 6 Ledger ---------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(models(), events(), moments(-5, 60))
def test_the_lines_of_a_ledger_sum_exactly_to_the_score(document: Json, past: list[Json], moment: datetime) -> None:
    model = compiled(document)
    evaluation = evaluate(model, facts_from(model, past), moment)
    for name, value in evaluation.values.items():
        lines = ledger(evaluation, name)
        assert sum((Decimal(str(line.points)) for line in lines), Decimal(0)) == Decimal(str(value))
        assert all(line.points for line in lines)
        assert str(value) != "-0.0"


# --- 7 Time -----------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(models(), events(), moments(-5, 30), moments(-5, 30))
def test_evaluating_a_moment_again_gives_the_same_result(
    document: Json, past: list[Json], moment: datetime, other: datetime
) -> None:
    model = compiled(document)
    lead = facts_from(model, past)
    before = deepcopy(lead)
    first = evaluate(model, lead, moment)
    evaluate(model, lead, other)
    assert evaluate(model, lead, moment) == first == evaluate(model, lead, moment.date())
    assert lead == before


@settings(max_examples=40)
@given(models(), events(last_day=10), moments(-20, 5))
def test_hits_after_the_evaluated_day_do_not_count(document: Json, past: list[Json], moment: datetime) -> None:
    model = compiled(document)
    known = [raw for raw in past if raw["occurred_at"].date() <= moment.date()]
    with_future, without = (evaluate(model, facts_from(model, raws), moment) for raws in (past, known))
    for score in model.scores.values():
        counting = [name for name, rule in score.rules.items() if rule.signal is not None]
        assert [with_future.earned[score.name].get(name) for name in counting] == [
            without.earned[score.name].get(name) for name in counting
        ]
    for name in model.signals:
        assert with_future.hits(name, 3) == without.hits(name, 3)


# --- What the forecast rests on ---------------------------------------------------------------------------------


@settings(max_examples=40)
@given(models(), events(last_day=0))
def test_without_events_the_points_of_a_rule_change_in_one_direction_only(document: Json, past: list[Json]) -> None:
    model = compiled(document)
    evaluations = _days(model, facts_from(model, past), range(60))
    for score in model.scores.values():
        for name in score.rules:
            points = [evaluation.earned[score.name].get(name, NOTHING).points for evaluation in evaluations]
            assert points in (sorted(points), sorted(points, reverse=True))


@settings(max_examples=40)
@given(models(), events(last_day=0), st.lists(st.integers(0, 60), min_size=3, max_size=3).map(sorted))
def test_on_every_day_of_a_span_each_number_is_within_the_span_bounds(
    document: Json, past: list[Json], days: list[int]
) -> None:
    model = compiled(document)
    first, between, last = _days(model, facts_from(model, past), days)
    span = Span(first, last)
    for name, value in between.values.items():
        least, greatest = span.score(name)
        assert least <= value <= greatest
    for name in model.signals:
        least, greatest = span.hits(name, 7)
        assert least <= between.hits(name, 7)[0] <= greatest


def _days(model: CompiledModel, lead: Facts, days: Any) -> list[Any]:
    return [evaluate(model, lead, MOMENT + timedelta(days=ahead)) for ahead in days]


@settings(max_examples=40)
@given(models(), events(last_day=0), st.integers(1, 120))
def test_looking_ahead_agrees_with_the_forecast_and_with_evaluating_each_day(
    document: Json, past: list[Json], days: int
) -> None:
    model = compiled(document)
    today = evaluate(model, facts_from(model, past), MOMENT)
    stage = stage_of(today, None)
    ahead = list(look_ahead(today, stage, today.day + days))
    assert [evaluation for evaluation, _ in ahead] == _days(model, today.profile.facts, range(1, days + 1))
    assert ahead[-1] == predict(today, stage, today.day + days)
    first = next(((evaluation.day, other) for evaluation, other in ahead if other != stage), None)
    change = forecast(today, stage)
    assert first == (
        (change.on.toordinal(), change.stage) if change and change.on.toordinal() <= today.day + days else None
    )


# --- 8 One transition function ----------------------------------------------------------------------------------


@settings(max_examples=40)
@given(models(), events(), STANDINGS)
def test_settling_records_a_transition_exactly_when_the_stage_changes(
    document: Json, past: list[Json], standing: Standing | None
) -> None:
    model = compiled(document)
    evaluation = evaluate(model, facts_from(model, past), MOMENT)
    before = standing.stage if standing else "first"
    after, transition = settle(evaluation, standing, MOMENT, "event")
    assert after.stage == stage_of(evaluation, before)
    assert (transition is None) == (after.stage == before)
    if transition is None:
        assert after == (standing or Standing("first", MOMENT))
    else:
        assert (transition.from_stage, transition.to_stage, transition.at) == (before, after.stage, after.since)
        assert (transition.scores, transition.model_version, transition.cause) == (evaluation.values, 1, "event")


@settings(max_examples=40)
@given(models(), events(), STANDINGS)
def test_settling_twice_is_the_same_as_settling_once(
    document: Json, past: list[Json], standing: Standing | None
) -> None:
    model = compiled(document)
    evaluation = evaluate(model, facts_from(model, past), MOMENT)
    settled, _ = settle(evaluation, standing, MOMENT, "event")
    assert settle(evaluation, settled, MOMENT + timedelta(hours=1), "time") == (settled, None)


@settings(max_examples=40)
@given(models(), events(), STANDINGS)
def test_something_is_missing_for_exactly_the_stages_above(
    document: Json, past: list[Json], standing: Standing | None
) -> None:
    model = compiled(document)
    evaluation = evaluate(model, facts_from(model, past), MOMENT)
    stage = stage_of(evaluation, standing.stage if standing else None)
    reason = stage_reason(evaluation, stage)
    names = [each.name for each in model.stages]
    assert [rung["stage"] for rung in reason["rungs"]] == names[names.index(stage) + 1 :]
    assert all(rung["missing"] for rung in reason["rungs"])
    assert reason["next"] == next(iter(reason["rungs"]), None)


def test_a_moment_is_evaluated_like_its_day() -> None:
    assert evaluate(COUNTING, Facts(), date(2026, 3, 10)) == evaluate(COUNTING, Facts(), MOMENT)
