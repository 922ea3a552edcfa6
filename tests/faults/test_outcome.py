"""Outcomes show each kind of harm: otherwise a table without any would mean nothing."""

from dataclasses import replace

import pytest

from tests.faults.load import Answer
from tests.faults.outcome import Outcome, State, outcome_of

STATE = State(frozenset({"m1", "m2"}), counted=2, is_rebuilt=True)
ANSWERS = [
    Answer("m1", began=0, ended=1, status=200),
    Answer("m2", began=1, ended=2, status=503, asks_to_retry=True),
    Answer("m2", began=3, ended=4, status=None),
    Answer("m2", began=5, ended=8, status=200),
]


def outcome(*more: Answer, state: State = STATE) -> Outcome:
    return outcome_of([*ANSWERS, *more], state, healed_at=4.5)


def test_a_harmless_fault_is_measured() -> None:
    expected = Outcome(
        acknowledged=2,
        refused={"503": 1, "connection": 1},
        unclear=0,
        unfinished=0,
        lost=0,
        doubled=0,
        is_rebuilt=True,
        recovered_s=3.5,
        worst_s=3,
    )
    assert outcome() == expected
    assert outcome().is_harmless


@pytest.mark.parametrize(
    ("harmed", "field"),
    [
        (outcome(state=replace(STATE, message_ids=frozenset({"m1"}))), "lost"),
        (outcome(state=replace(STATE, counted=3)), "doubled"),
        (outcome(Answer("m3", 8, 9, 503, asks_to_retry=True)), "unfinished"),
        (outcome(Answer("m2", 8, 9, 500)), "unclear"),
        (outcome(Answer("m2", 8, 9, 503)), "unclear"),
    ],
)
def test_harm_is_counted(harmed: Outcome, field: str) -> None:
    assert getattr(harmed, field) == 1
    assert not harmed.is_harmless


def test_a_state_that_is_not_rebuilt_is_harm() -> None:
    assert not outcome(state=replace(STATE, is_rebuilt=False)).is_harmless
