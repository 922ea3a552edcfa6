"""Measures agree with scikit-learn and with published figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from app.insight.measures import RankedRows, auc, auc_difference, auc_interval, lead_weights, mean_auc, share_interval

SCORES = np.array([10.0, 30, 20, 20, 50, 40, 20, 0])
HAD = np.array([False, True, False, True, True, False, True, False])
LEADS = np.arange(8)
ONE_FOLD = np.zeros(8, dtype=np.int64)


def test_the_auc_counts_ties_half() -> None:
    assert auc(SCORES, HAD) == 12 / 16  # of 16 pairs, 11 are in order and 2 are tied
    assert auc(SCORES, HAD) == roc_auc_score(HAD, SCORES)


def test_without_two_outcomes_there_is_no_auc() -> None:
    assert np.isnan(auc(SCORES, np.ones(8, dtype=np.bool_)))


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 4)), min_size=2, max_size=40))
def test_a_weighted_auc_equals_that_of_repeated_rows(rows: list[tuple[int, bool, int]]) -> None:
    scores = np.array([float(score) for score, _, _ in rows])
    had, weights = np.array([flag for _, flag, _ in rows]), np.array([weight for _, _, weight in rows])
    repeated_scores, repeated_had = np.repeat(scores, weights), np.repeat(had, weights)
    if not repeated_had.any() or repeated_had.all():
        return
    ranked = RankedRows.of(scores, had, np.zeros(len(rows), dtype=np.int64))
    assert ranked.auc(weights.astype(np.float64)) == pytest.approx(roc_auc_score(repeated_had, repeated_scores))


def test_the_auc_over_folds_is_their_mean() -> None:
    folds = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    expected = (roc_auc_score(HAD[:4], SCORES[:4]) + roc_auc_score(HAD[4:], SCORES[4:])) / 2
    assert mean_auc(SCORES, HAD, folds) == expected
    assert RankedRows.of(SCORES, HAD, folds).auc(np.ones(8)) == expected


def test_an_interval_is_the_same_every_time() -> None:
    assert auc_interval(SCORES, HAD, LEADS) == auc_interval(SCORES, HAD, LEADS)


def test_an_interval_is_wider_if_the_same_rows_are_of_fewer_leads() -> None:
    random = np.random.default_rng(0)
    had = np.repeat(random.random(40) < 0.5, 10)
    scores = np.repeat(random.normal(size=40), 10) + had
    single, shared = auc_interval(scores, had, np.arange(400)), auc_interval(scores, had, np.arange(400) // 10)
    assert shared.low < single.low < single.value == shared.value < single.high < shared.high


def test_all_rows_of_a_lead_are_drawn_together() -> None:
    for weights in lead_weights(np.array([0, 0, 1, 1, 2]), resamples=20):
        assert weights[0] == weights[1]
        assert weights[2] == weights[3]
        assert weights[0] + weights[2] + weights[4] == 3


def test_a_score_does_not_differ_from_itself() -> None:
    found = auc_difference(SCORES, SCORES, HAD, LEADS)
    assert (found.difference.low, found.difference.value, found.difference.high) == (0, 0, 0)


def test_a_pair_is_compared_on_the_same_resamples() -> None:
    better = SCORES + 100 * HAD
    found = auc_difference(better, SCORES, HAD, LEADS)
    assert found.one == 1
    assert found.difference.value == 1 - roc_auc_score(HAD, SCORES)
    assert found.difference.low >= 0


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17: 857-872, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_equals_published_ones(successes: int, total: int, low: float, high: float) -> None:
    found = share_interval(successes, total)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_without_data_a_share_can_be_anything() -> None:
    assert (share_interval(0, 0).low, share_interval(0, 0).high) == (0, 1)
