"""Journeys as text: which stages count as steps, and in which cases their times are known."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from app.scoring.document import Stage
from app.scoring.journeys import JourneySteps, Step, journey_of

SEEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAGES = [
    *(Stage(name=name) for name in ("interest", "lead", "mql", "sql")),
    Stage(name="customer", outcome="won"),
    Stage(name="disqualified", outcome="lost"),
]


def journey(hours: Mapping[str, float], known_since: datetime = SEEN) -> str:
    """The journey of a lead that entered these stages so many hours after it was first seen."""
    reached = {stage: SEEN + timedelta(hours=after) for stage, after in hours.items()}
    return journey_of(STAGES, reached, SEEN, known_since)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ({}, ""),
        ({"lead": 0.9}, "1:0"),
        ({"lead": 1, "mql": 37.5, "sql": 40}, "1:1 2:24 3:2"),
        ({"sql": 5}, "3:5"),
        ({"sql": 5, "lead": 9, "customer": 10}, "3:5 4:5"),
        ({"lead": 2, "disqualified": 3, "interest": 4}, "1:2"),
        ({"lead": 2, "since_removed": 3}, "1:2"),
        ({"lead": -1}, "1:0"),
    ],
    ids=[
        "none",
        "within the hour",
        "one by one",
        "skipping stages",
        "a lower stage that is entered later is no step",
        "neither lost stages nor the first are steps",
        "a stage that the model lacks",
        "by a clock that was behind",
    ],
)
def test_a_step_leads_higher_than_all_before_and_takes_the_hours_since(
    hours: Mapping[str, float], expected: str
) -> None:
    assert journey(hours) == expected


def test_the_times_of_a_lead_that_came_as_history_are_unknown() -> None:
    hours = {"lead": 25, "mql": 26}
    assert journey(hours, SEEN + timedelta(days=1)) == "1:24 2:1"
    assert journey(hours, SEEN + timedelta(days=1, seconds=1)) == "1 2"


def test_a_lead_without_events_has_no_journey() -> None:
    assert journey_of(STAGES, {"lead": SEEN}, None, SEEN) == ""


def test_a_journey_is_read_as_it_was_written() -> None:
    steps = JourneySteps(range(5))
    assert steps.of("1:0 3:36") == [Step(1, 0), Step(3, 36)]
    assert steps.of("2 4") == [Step(2, None), Step(4, None)]
    assert steps.of("") == []
    assert JourneySteps([0, 2, -1]).of("1:5 2") == [Step(2, 5), Step(-1, None)]
