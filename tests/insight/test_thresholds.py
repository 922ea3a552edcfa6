"""Thresholds: the lowest score that meets a goal, and what it would have meant."""

from dataclasses import replace

import numpy as np
import pytest

from app.insight.snapshots import Snapshots
from app.insight.thresholds import Capacity, Goal, Precision, ScoredRows, missed_goal, propose_thresholds

SCORES = np.repeat(np.arange(10.0), 20)
HAD = np.tile(np.arange(20), 10) < np.repeat(np.arange(10), 20) * 2  # 0, 2, 4 … 18 of 20
WEEK = np.tile(np.arange(20) % 14, 10)
ROWS = ScoredRows(Snapshots(np.arange(200), WEEK, HAD), SCORES, SCORES)


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        (Precision(0.6), 3),  # with scores from 3 to 9, 60 % have the outcome
        (Precision(0.7), 5),
        (Capacity(50), 5),  # two weeks, 20 leads at each score
        (Capacity(40), 6),
        (None, 9),  # the top tenth
    ],
    ids=str,
)
def test_sql_is_the_lowest_score_that_meets_the_goal(goal: Goal | None, expected: int) -> None:
    _, sql = propose_thresholds(ROWS, goal)
    assert sql.score == expected
    assert list(missed_goal(ROWS, goal, sql.score)) == []


def test_mql_is_the_top_third_or_so_and_always_below_sql() -> None:
    assert propose_thresholds(ROWS, None)[0].score == 7
    assert propose_thresholds(ROWS, Precision(0.6))[0].score == 2


def test_a_goal_out_of_reach_gives_the_highest_score_and_a_warning() -> None:
    _, sql = propose_thresholds(ROWS, Capacity(1))
    assert sql.score == 9
    [warning] = missed_goal(ROWS, Capacity(1), sql.score)
    assert warning.startswith("No score meets the goal (at most 1 leads a week)")


def test_without_a_goal_a_crowd_at_the_top_is_warned_of_too() -> None:
    crowd = replace(ROWS, scores=np.minimum(SCORES, 5))
    assert next(missed_goal(crowd, None, 5)).startswith("No score meets the goal (the top 10%)")


def test_a_threshold_says_what_it_would_have_meant() -> None:
    _, sql = propose_thresholds(ROWS, Precision(0.7))
    assert (sql.share, sql.leads_a_week) == (0.5, 50)
    assert sql.precision.value == HAD[SCORES >= 5].mean()
    assert sql.recall == HAD[SCORES >= 5].sum() / HAD.sum()


def test_not_everybody_keeps_a_stage() -> None:
    assert [each.keep for each in propose_thresholds(ROWS, None)] == [1, 1]


def test_precision_is_measured_on_held_out_scores() -> None:
    blind = ScoredRows(ROWS.snapshots, SCORES, np.zeros(200))
    assert propose_thresholds(blind, Precision(0.6))[1].score == 9
    assert list(missed_goal(blind, Precision(0.6), 9))


def test_few_rows_are_not_trusted_to_be_precise() -> None:
    held_out = np.where(np.arange(200) >= 190, 50.0, 0.0)
    assert ScoredRows(ROWS.snapshots, SCORES, held_out).precision(50) == 0
