"""Score steps: the first two scores, coarsely."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scoring.steps import MAX_STEP, STEP, step_of, steps_of

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(("value", "step"), [(0, 0), (19.99, 0), (20, 1), (-0.01, -1), (-20, -1), (1e300, MAX_STEP)])
def test_a_step_is_a_score_in_twenties_rounded_down(value: float, step: int) -> None:
    assert step_of(value) == step


@given(FINITE, FINITE)
def test_steps_are_in_the_order_of_scores(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert step_of(low) <= step_of(high)


@given(st.floats(-1e6, 1e6).map(lambda value: round(value, 2)), st.integers(-1_000, 1_000))
def test_a_threshold_in_whole_steps_is_decided_by_the_step(value: float, steps: int) -> None:
    assert (step_of(value) >= steps) == (value >= steps * STEP)


@pytest.mark.parametrize(
    ("scores", "steps"),
    [({}, (0, 0)), ({"fit": 45}, (2, 0)), ({"z": 61, "a": -5}, (3, -1)), ({"z": 61, "a": 5, "b": 90}, (3, 0))],
)
def test_the_first_two_scores_have_steps(scores: dict[str, float], steps: tuple[int, int]) -> None:
    assert steps_of(scores) == steps
