"""On random models and events, the engine agrees with the slow reference implementation of DESIGN.md."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.scoring.engine import evaluate, ledger
from app.scoring.stages import forecast, stage_of
from tests.scoring import reference
from tests.scoring.strategies import MOMENT, compiled, events, facts_from, models, moments

Json = dict[str, Any]
LOOK_AHEAD_DAYS = 120
STANDINGS = st.sampled_from([None, "first", "second", "third", "fourth", "a rung of another model"])


@settings(max_examples=200)
@given(models(), events(), moments(-20, 60), STANDINGS)
def test_scores_bands_traits_and_stage_match_the_reference(
    document: Json, past: list[Json], moment: datetime, before: str | None
) -> None:
    model = compiled(document)
    evaluation = evaluate(model, facts_from(model, past), moment)
    expected = reference.evaluate(document, reference.past_of(document, past), moment, before)
    assert evaluation.values == expected.scores
    assert {name: score.band(evaluation.values[name]) for name, score in model.scores.items()} == expected.bands
    assert evaluation.traits == reference.traits_of(document, past)
    assert stage_of(evaluation, before) == expected.stage


@settings(max_examples=80)
@given(models(), events(), moments(-20, 60))
def test_every_line_of_a_ledger_matches_the_reference(document: Json, past: list[Json], moment: datetime) -> None:
    model = compiled(document)
    evaluation = evaluate(model, facts_from(model, past), moment)
    expected = reference.evaluate(document, reference.past_of(document, past), moment)
    for name, lines in expected.ledgers.items():
        told = [(line.rule, line.kind, line.points, line.hits, line.last_hit_on) for line in ledger(evaluation, name)]
        assert told == [(line.name, line.kind, float(line.points), line.hits, line.last_hit) for line in lines]


@settings(max_examples=100)
@given(models() | models(fading=True), events(last_day=0), STANDINGS)
def test_the_forecast_matches_a_day_by_day_search(document: Json, raw: list[Json], before: str | None) -> None:
    model = compiled(document)
    evaluation = evaluate(model, facts_from(model, raw), MOMENT)
    stage = stage_of(evaluation, before)
    change = forecast(evaluation, stage)
    found = reference.next_change(document, reference.past_of(document, raw), MOMENT, stage, LOOK_AHEAD_DAYS)
    last_day = MOMENT.date() + timedelta(days=LOOK_AHEAD_DAYS)
    assert found == ((change.on, change.stage) if change and change.on <= last_day else None)
