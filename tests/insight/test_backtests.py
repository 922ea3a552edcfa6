"""Backtests: figures on hand-made rows equal independent ones, leaks don't help, and refusals."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from app.errors import HorizonNotOver, TooFewOutcomes
from app.insight.backtests import ScoredSnapshots, backtest, report
from app.insight.measures import share_interval
from app.insight.snapshots import After, At, Snapshots
from app.scoring.engine import CompiledModel, compile_model
from app.scoring.model import load_model
from tests.insight.world import QUESTION, event, market, planted

HISTORIES = market()
RANDOM = np.random.default_rng(7)
HAD = RANDOM.random(200) < 0.3
SCORES = np.round(RANDOM.normal(20, 10, 200) + 10.0 * HAD, 1).astype(np.float64)
STAGES = ["interest", "mql", "sql"]


def model(signals: Mapping[str, Any], *more_stages: Any, scores: Sequence[str] = ("fit",)) -> CompiledModel:
    rules = {name: {"signal": name, "points": 10} for name in signals}
    stages = [{"name": "interest"}, {"name": "sql", "when": {"score": "fit", "gte": 20}, "sales_ready": True}]
    score = {"bands": {"hot": 20, "cold": 0}, "rules": rules}
    document = {"name": "m", "signals": signals, "scores": dict.fromkeys(scores, score)}
    return compile_model(load_model(document | {"stages": [*stages, *more_stages]}), 1)


USED = {"used": {"on": "Feature Used"}}
USE = model(USED)


@pytest.fixture(scope="module")
def scored() -> ScoredSnapshots:
    rows = Snapshots(np.arange(200), np.full(200, date(2025, 5, 1).toordinal()), HAD)
    stages = [STAGES[int(score >= 20) + int(score >= 35)] for score in SCORES]
    bands = ["hot" if score >= 30 else None for score in SCORES]
    ids = [f"lead-{number}" for number in range(200)]
    return ScoredSnapshots(rows, ids, SCORES, stages, bands, STAGES, frozenset({"sql"}))


def test_the_auc_equals_scikit_learns(scored: ScoredSnapshots) -> None:
    found = report(scored).auc
    assert found.value == pytest.approx(roc_auc_score(HAD, SCORES))
    assert found.low < found.value < found.high


def test_precision_and_recall_at_every_threshold_equal_scikit_learns(scored: ScoredSnapshots) -> None:
    thresholds = report(scored).thresholds
    assert set(thresholds) == set(np.floor(SCORES).astype(int).tolist())
    for threshold, found in thresholds.items():
        assert found.precision.value == pytest.approx(precision_score(HAD, threshold <= SCORES))
        assert found.recall == pytest.approx(recall_score(HAD, threshold <= SCORES))
        assert found.rows == (threshold <= SCORES).sum()


def test_a_stage_stands_for_itself_and_the_higher_ones(scored: ScoredSnapshots) -> None:
    stages = report(scored).stages
    assert list(stages) == STAGES
    assert stages["interest"].share == stages["interest"].recall == 1
    assert stages["mql"].precision.value == pytest.approx(precision_score(HAD, SCORES >= 20))
    assert stages["sql"].recall == pytest.approx(recall_score(HAD, SCORES >= 35))


def test_a_lead_in_a_lost_stage_has_reached_none(scored: ScoredSnapshots) -> None:
    lost = ["lost" if stage == "sql" else stage for stage in scored.stages]
    stages = report(replace(scored, stages=lost)).stages
    assert list(stages) == STAGES
    assert (stages["interest"].rows, stages["sql"].rows) == ((SCORES < 35).sum(), 0)


def test_the_ladder_has_no_lost_stages() -> None:
    lossy = model(USED, {"name": "out", "when": {"score": "fit", "lt": 0}, "outcome": "lost"})
    assert list(backtest(HISTORIES, QUESTION, lossy)["fit"].stages) == ["interest", "sql"]


def test_tenths_are_equally_large_and_their_lift_averages_one(scored: ScoredSnapshots) -> None:
    tenths = report(scored).tenths
    assert [tenth.rows for tenth in tenths] == [20] * 10
    assert np.mean([tenth.lift for tenth in tenths]) == pytest.approx(1)
    assert tenths[0].mean == pytest.approx(np.sort(SCORES)[-20:].mean())


def test_bands_have_their_shares_from_the_lowest_up(scored: ScoredSnapshots) -> None:
    bands = report(scored).bands
    assert list(bands) == [None, "hot"]
    hot = SCORES >= 30
    assert bands["hot"] == share_interval(int(HAD[hot].sum()), int(hot.sum()))


def test_the_unseen_had_the_outcome_with_a_score_below_the_median(scored: ScoredSnapshots) -> None:
    unseen = report(scored).unseen
    assert {each.lead_id for each in unseen} == {
        f"lead-{row}" for row in np.flatnonzero(HAD & (np.median(SCORES) > SCORES))
    }
    assert [each.score for each in unseen] == sorted(each.score for each in unseen)


def test_the_ready_without_the_outcome_are_listed_from_the_highest_score(scored: ScoredSnapshots) -> None:
    found = report(scored).ready_without
    assert {each.lead_id for each in found} == {f"lead-{row}" for row in np.flatnonzero(~HAD & (SCORES >= 35))}
    assert {each.stage for each in found} == {"sql"}
    assert found[0].score == max(each.score for each in found)


def test_another_model_is_compared_on_the_same_rows(scored: ScoredSnapshots) -> None:
    compared = report(scored, np.zeros(200)).compared
    assert compared is not None
    assert compared.one == pytest.approx(roc_auc_score(HAD, SCORES))
    assert compared.other == 0.5
    assert compared.difference.low > 0


def test_scores_are_those_of_the_engine_at_the_snapshot() -> None:
    found = backtest(HISTORIES, QUESTION, USE)["fit"]
    uses = [sum(event.name == "Feature Used" for event in each.events) for each in HISTORIES]
    had = [each.outcome_on is not None for each in HISTORIES]
    assert found.counted.snapshots == 500
    assert found.auc.value == pytest.approx(roc_auc_score(had, uses))


def test_the_unseen_come_with_the_reasons_for_their_scores() -> None:
    found = backtest(HISTORIES, QUESTION, USE)["fit"]
    assert found.unseen
    assert found.ready_without
    for each in (*found.unseen, *found.ready_without):
        assert sum(line.points for line in each.reasons) == each.score


def test_two_models_are_compared() -> None:
    demo = model({"demo": {"on": "Demo Requested"}})
    found = backtest(HISTORIES, QUESTION, USE, demo)["fit"]
    assert found.compared is not None
    assert found.compared.other == pytest.approx(backtest(HISTORIES, QUESTION, demo)["fit"].auc.value)


def test_each_score_has_a_report_and_is_compared_with_the_first_if_none_has_its_name() -> None:
    found = backtest(HISTORIES, QUESTION, model(USED, scores=("fit", "more")), USE)
    assert found["fit"] == found["more"]
    assert found["more"].compared is not None
    assert found["more"].compared.other == pytest.approx(found["fit"].auc.value)


def test_an_event_sent_with_the_outcome_does_not_help() -> None:
    leaked = planted(
        HISTORIES, lambda each: [event(each.lead_id, each.outcome_on, "Invoice Sent")] if each.outcome_on else []
    )
    cheat = model({"invoice": {"on": "Invoice Sent"}})
    assert backtest(leaked, QUESTION, cheat)["fit"].auc.value == 0.5


def test_fewer_than_thirty_outcomes_are_refused() -> None:
    buyers = [each for each in HISTORIES if each.outcome_on is not None][:29]
    others = [each for each in HISTORIES if each.outcome_on is None]
    with pytest.raises(TooFewOutcomes, match=r"29 leads had the outcome .* at least 30 are needed"):
        backtest([*buyers, *others], QUESTION, USE)


def test_a_horizon_that_is_not_over_is_refused() -> None:
    question = replace(QUESTION, schedule=At(date(2025, 12, 1)))
    with pytest.raises(HorizonNotOver, match="The 60 days after 2025-12-01 are not over until 2026-01-31"):
        backtest(HISTORIES, question, USE)


def test_a_backtest_at_one_day_has_each_open_lead_once() -> None:
    found = backtest(HISTORIES, replace(QUESTION, schedule=At(date(2025, 5, 1))), USE)["fit"]
    assert found.counted.snapshots == found.counted.leads < 500


def test_closed_leads_are_left_out() -> None:
    question = replace(QUESTION, closed_by=frozenset({"demo-requested"}))
    asked = sum(any(event.name == "Demo Requested" for event in each.events) for each in HISTORIES)
    assert backtest(HISTORIES, question, USE)["fit"].counted.leads == 500 - asked


def test_nothing_is_known_of_a_time_before_the_data() -> None:
    question = replace(QUESTION, schedule=After(14), now=datetime(2025, 3, 20, tzinfo=UTC))
    with pytest.raises(TooFewOutcomes):
        backtest(HISTORIES, question, USE)
