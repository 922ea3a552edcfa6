"""Faults under load: nothing acknowledged is lost, nothing counts twice, and refusals say when to come back."""

import json

import pytest

from tests.faults.outcome import Outcome
from tests.faults.scenarios import DAMAGED_LEAD, SCENARIOS, SHORT, Run, Scenario, run
from tests.faults.site import NotPossible

GONE, BACK = "the database is unavailable", "the database is available again"
UNEVALUATED = "lead can't be evaluated"
BUGS = {"request failed", "commit failed", "job failed", "deliveries failed"}
RECOVERS_WITHIN_S = 5
MAX_REPLICAS = 2  # more only in `make faults`: they need long to start


def try_to_run(scenario: Scenario) -> Run:
    try:
        return run(scenario, SHORT)
    except NotPossible as reason:
        pytest.skip(str(reason))


def events(log: str) -> list[str]:
    return [json.loads(line)["event"] for line in log.splitlines()]


@pytest.mark.parametrize("scenario", [each for each in SCENARIOS if each.replicas <= MAX_REPLICAS], ids=str)
def test_a_fault_loses_nothing_counts_nothing_twice_and_is_logged(scenario: Scenario) -> None:
    done = try_to_run(scenario)
    assert_harmless(done.outcome)
    for log in map(events, done.logs):
        assert BUGS.isdisjoint(log)
        assert log.count(UNEVALUATED) == (2 if scenario is DAMAGED_LEAD else 0)  # by the sweeper and by the rollout
        assert_outages_are_logged(
            [event for event in log if event in {GONE, BACK}], expected=scenario.lasts == "until noticed"
        )


def assert_harmless(outcome: Outcome) -> None:
    assert outcome.is_harmless, outcome
    assert outcome.acknowledged >= 2 * SHORT.messages
    assert outcome.recovered_s < RECOVERS_WITHIN_S


def assert_outages_are_logged(lines: list[str], *, expected: bool) -> None:
    """Each with its end, unless the server stops before it tries again. Some faults let a transaction pass at times."""
    assert bool(lines) == expected
    assert lines == ([GONE, BACK] * len(lines))[: len(lines)]
