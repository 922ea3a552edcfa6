"""Two models compared: counts by stage, distributions of scores, and the leads that move most."""

import math
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scoring.engine import CompiledModel, evaluate
from app.scoring.preview import MAX_LEADS_PER_MOVE, MAX_MOVERS, QUANTILES, Placement, Preview
from app.scoring.stages import stage_of
from tests.scoring.strategies import MOMENT, compiled, events, facts_from, models

Json = dict[str, Any]


def model(points: float = 1, **changes: Any) -> CompiledModel:
    """Each `s` is worth `points` points, and the stage `high` begins at ten points."""
    document = {
        "name": "points",
        "signals": {"s": {"on": "S"}},
        "scores": {"x": {"rules": {"each": {"signal": "s", "points": points}}, "bands": {"hot": 5, "cold": 1}}},
        "stages": [{"name": "low"}, {"name": "high", "when": {"score": "x", "gte": 10}}],
    }
    return compiled(document | changes)


def placed(by: CompiledModel, hits: int) -> Placement:
    sent = {"name": "S", "properties": {}, "context": {}, "traits": {}, "occurred_at": MOMENT, "trusted": True}
    evaluation = evaluate(by, facts_from(by, [sent | {"message_id": str(number)} for number in range(hits)]), MOMENT)
    return Placement(stage_of(evaluation, None), evaluation)


def preview_of(before: CompiledModel, after: CompiledModel, hits: list[int]) -> Preview:
    """A preview of leads with these numbers of hits. Their ids count up from 0."""
    preview = Preview(before, after)
    for number, each in enumerate(hits):
        preview.add(UUID(int=number), placed(before, each), placed(after, each))
    return preview


# --- Stages -----------------------------------------------------------------------------------------------------


def test_leads_are_counted_by_stage_before_and_after() -> None:
    preview = preview_of(model(1), model(2), [1, 5, 9, 10, 20])
    assert preview.leads == 5
    assert preview.stages == ({"low": 3, "high": 2}, {"low": 1, "high": 4})
    assert dict(preview.moves) == {("low", "low"): 1, ("low", "high"): 2, ("high", "high"): 2}


def test_leads_that_change_their_stage_are_counted() -> None:
    assert preview_of(model(1), model(2), [1, 5, 9, 10, 20]).stage_changes == 2


def test_some_leads_of_each_move_are_named() -> None:
    preview = preview_of(model(1), model(2), [9, 1, 9] + [1] * MAX_LEADS_PER_MOVE)
    assert preview.leads_by_move["low", "high"] == [UUID(int=0), UUID(int=2)]
    assert preview.leads_by_move["low", "low"] == [
        UUID(int=number) for number in (1, *range(3, MAX_LEADS_PER_MOVE + 2))
    ]


def test_a_stage_that_only_one_of_the_models_has_is_counted_for_that_one() -> None:
    preview = preview_of(model(), model(stages=[{"name": "all", "sales_ready": True}]), [1, 10])
    assert preview.stages == ({"low": 1, "high": 1}, {"all": 2})


def test_leads_in_a_stage_that_the_model_no_longer_has_are_counted() -> None:
    preview = Preview(model(), model())
    there = placed(model(), 1)
    preview.add(UUID(int=1), there._replace(stage="gone"), there)
    assert preview.stages == ({"low": 0, "high": 0, "gone": 1}, {"low": 1, "high": 0})


def test_a_preview_of_no_leads_is_empty() -> None:
    preview = Preview(model(), model())
    assert (preview.leads, preview.stage_changes, preview.movers) == (0, 0, [])
    assert preview.stages == ({"low": 0, "high": 0}, {"low": 0, "high": 0})
    spread = preview.distributions[0]["x"]
    assert (spread.mean, spread.quantiles, spread.bands) == (0, {}, {"hot": 0, "cold": 0})


# --- Distributions ----------------------------------------------------------------------------------------------


def test_a_distribution_is_given_before_and_after() -> None:
    before, after = preview_of(model(1), model(2), list(range(11))).distributions
    expected = {"min": 0, "p10": 1, "p25": 2, "median": 5, "p75": 8, "p90": 9, "max": 10}
    assert before["x"].quantiles == expected
    assert after["x"].quantiles == {name: value * 2 for name, value in expected.items()}
    assert (before["x"].mean, after["x"].mean) == (5, 10)


def test_bands_are_counted_from_the_highest_and_those_below_all_are_left_out() -> None:
    spread = preview_of(model(), model(), [0, 0, 1, 4, 5, 9]).distributions[0]["x"]
    assert list(spread.bands.items()) == [("hot", 2), ("cold", 2)]


def test_a_score_in_only_one_model_has_one_distribution() -> None:
    other = model(scores={"y": {"rules": {"each": {"signal": "s", "points": 3}}}}, stages=[{"name": "all"}])
    before, after = preview_of(model(), other, [2]).distributions
    assert (list(before), list(after)) == (["x"], ["y"])
    assert after["y"].quantiles["median"] == 6


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40))
def test_a_quantile_is_the_value_of_the_lead_at_that_place(hits: list[int]) -> None:
    """By a simple definition: in sorted order, the value nearest to that fraction of the way."""
    spread = preview_of(model(), model(), hits).distributions[0]["x"]
    row = sorted(hits)
    for name, share in QUANTILES.items():
        place = share * (len(row) - 1)
        nearest = {row[math.ceil(place - 0.5 - 1e-9)], row[math.floor(place + 0.5 + 1e-9)]}
        assert spread.quantiles[name] in nearest, name
    assert spread.mean == pytest.approx(sum(hits) / len(hits), abs=0.006)


# --- Movers -----------------------------------------------------------------------------------------------------


def test_the_leads_that_move_most_come_first_and_no_more_than_twenty() -> None:
    preview = preview_of(model(1), model(3), [number * 7 % 30 for number in range(30)])
    assert [mover.distance for mover in preview.movers] == [each * 2 for each in range(29, 29 - MAX_MOVERS, -1)]


def test_a_lead_that_does_not_move_is_not_a_mover() -> None:
    assert [mover.lead_id.int for mover in preview_of(model(1), model(3), [0, 2, 0]).movers] == [1]


def test_movers_of_equal_distance_are_ordered_by_change_of_stage_and_then_by_id() -> None:
    preview = Preview(model(1), model(2))
    for number, (before, after) in enumerate([("low", "low"), ("low", "high"), ("low", "low"), ("low", "high")]):
        preview.add(
            UUID(int=number),
            Placement(before, placed(model(1), 3).evaluation),
            Placement(after, placed(model(2), 3).evaluation),
        )
    assert [mover.lead_id.int for mover in preview.movers] == [1, 3, 0, 2]


def test_a_change_of_stage_alone_is_a_move() -> None:
    lower = model(stages=[{"name": "low"}, {"name": "high", "when": {"score": "x", "gte": 3}}])
    preview = preview_of(model(), lower, [2, 4])
    assert [(mover.lead_id.int, mover.distance) for mover in preview.movers] == [(1, 0)]


def test_a_score_in_only_one_model_counts_as_a_change_from_zero() -> None:
    both = {
        "x": {"rules": {"each": {"signal": "s", "points": 1}}},
        "y": {"rules": {"k": {"signal": "s", "points": -2}}},
    }
    preview = preview_of(model(), model(scores=both), [4])
    assert preview.movers[0].distance == 8
    assert preview_of(model(scores=both), model(), [4]).movers[0].distance == 8


# --- Ledger lines -----------------------------------------------------------------------------------------------


Points = float | None


def lines_of(before: CompiledModel, after: CompiledModel, hits: int) -> list[tuple[str, str, Points, Points]]:
    """Each line that differs: score, rule, points before, points after."""
    preview: list[tuple[str, str, Points, Points]] = []
    for line in preview_of(before, after, [hits]).movers[0].lines:
        some = line.before or line.after
        assert some is not None
        before_after = (line.before.points if line.before else None, line.after.points if line.after else None)
        preview.append((line.score, some.rule, *before_after))
    return preview


def test_only_lines_that_differ_are_reported() -> None:
    def scores(kept: float, changed: float) -> Json:
        rules = {"kept": {"signal": "s", "points": kept}, "changed": {"signal": "s", "points": changed}}
        return {"x": {"rules": rules}}

    assert lines_of(model(scores=scores(1, 2)), model(scores=scores(1, 5)), 3) == [("x", "changed", 6, 15)]


def test_a_line_in_only_one_ledger_has_none_on_the_other_side() -> None:
    capped = {"x": {"max": 4, "rules": {"each": {"signal": "s", "points": 1}}}}
    assert lines_of(model(), model(scores=capped), 6) == [("x", "x", None, -2)]
    assert lines_of(model(scores=capped), model(), 6) == [("x", "x", -2, None)]


def test_lines_of_a_score_in_only_one_model_are_reported_for_that_score() -> None:
    other = model(scores={"a": {"rules": {"each": {"signal": "s", "points": 3}}}}, stages=[{"name": "all"}])
    assert lines_of(model(), other, 2) == [("a", "each", None, 6), ("x", "each", 2, None)]


@given(documents=st.tuples(models(), models()), history=events(last_day=0))
def test_the_lines_that_differ_add_up_to_the_change_of_each_score(
    documents: tuple[Json, Json], history: list[Json]
) -> None:
    before, after = map(compiled, documents)
    placements = []
    for each in (before, after):
        evaluation = evaluate(each, facts_from(each, history), MOMENT)
        placements.append(Placement(stage_of(evaluation, None), evaluation))
    preview = Preview(before, after)
    preview.add(UUID(int=1), *placements)
    lines = [line for mover in preview.movers for line in mover.lines]
    values = [each.evaluation.values for each in placements]
    for name in values[0].keys() | values[1].keys():
        changes = [(line.before, line.after) for line in lines if line.score == name]
        gained = sum(_points(new) - _points(old) for old, new in changes)
        assert gained == _decimal(values[1].get(name, 0)) - _decimal(values[0].get(name, 0))
    assert len(preview.movers) == (placements[0].stage != placements[1].stage or values_differ(*values))


def values_differ(before: Any, after: Any) -> bool:
    return any(before.get(name, 0) != after.get(name, 0) for name in before.keys() | after.keys())


def _points(line: Any) -> Decimal:
    return Decimal(0) if line is None else _decimal(line.points)


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))
