"""Rows: who is in a snapshot, and whether the outcome followed."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from app.errors import HorizonNotOver, TooFewOutcomes
from app.insight import snapshots
from app.insight.histories import History
from app.insight.outcomes import first_outcome, require_outcomes, require_past_horizon
from app.insight.snapshots import After, At, Every, Schedule, Snapshots, lead_days, take_snapshots
from app.scoring.document import Signal
from app.scoring.signals import compile_signal
from tests.insight.world import event

FIRST = date(2025, 3, 3)
NOW = datetime(2025, 6, 1, tzinfo=UTC)


def lead(outcome_after: int | None = None, first: date = FIRST) -> History:
    outcome = None if outcome_after is None else first + timedelta(days=outcome_after)
    return History("a", [event("a", first, "Seen")], outcome, first)


def taken(history: History, schedule: Schedule, within_days: int = 30, now: datetime = NOW) -> list[tuple[int, bool]]:
    """The days after `FIRST` on which the lead is in a snapshot, and whether the outcome followed."""
    rows = take_snapshots(lead_days([history]), schedule, within_days, now)
    return [
        (day - FIRST.toordinal(), had) for day, had in zip(rows.days.tolist(), rows.had_outcome.tolist(), strict=True)
    ]


@pytest.mark.parametrize(("outcome_after", "had"), [(8, True), (37, True), (38, False), (None, False)])
def test_the_outcome_counts_from_the_next_day_to_the_end_of_the_horizon(outcome_after: int | None, had: bool) -> None:
    assert taken(lead(outcome_after), After(7)) == [(7, had)]


@pytest.mark.parametrize("outcome_after", [0, 6, 7])
def test_a_lead_that_had_the_outcome_is_left_out(outcome_after: int) -> None:
    assert taken(lead(outcome_after), After(7)) == []


def test_a_horizon_is_over_when_its_last_day_has_ended() -> None:
    eve = datetime(2025, 4, 9, 23, 59, tzinfo=UTC)  # the last day of 30 after the seventh
    assert taken(lead(), After(7), now=eve) == []
    assert taken(lead(), After(7), now=eve + timedelta(minutes=1)) == [(7, False)]


def test_a_regular_schedule_counts_back_from_the_latest_day_whose_horizon_is_over() -> None:
    assert taken(lead(), Every(7)) == [(day, False) for day in (3, 10, 17, 24, 31, 38, 45, 52, 59)]
    assert NOW.date() == FIRST + timedelta(days=59 + 30 + 1)


def test_a_lead_is_in_snapshots_until_its_outcome() -> None:
    assert taken(lead(outcome_after=40), Every(7)) == [
        (3, False),
        (10, True),
        (17, True),
        (24, True),
        (31, True),
        (38, True),
    ]


def test_a_lead_is_not_in_a_snapshot_before_it_was_seen() -> None:
    late = lead(first=FIRST + timedelta(days=20))
    assert taken(late, At(FIRST + timedelta(days=19))) == []
    assert taken(late, At(FIRST + timedelta(days=20))) == [(20, False)]


def test_a_closed_lead_is_not_open() -> None:
    closed = np.array([FIRST.toordinal() + 17])
    rows = take_snapshots(replace(lead_days([lead()]), closed=closed), Every(7), 30, NOW)
    assert (rows.days - FIRST.toordinal()).tolist() == [3, 10]


def test_too_many_snapshots_are_thinned_to_fewer_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MAX_ROWS", 5)
    assert taken(lead(), Every(7)) == [(day, False) for day in (3, 17, 31, 45, 59)]


def test_a_lead_without_events_is_in_no_snapshot() -> None:
    assert taken(History("a", [], None, FIRST), After(7)) == []


@pytest.mark.parametrize("schedule", [At(date(2025, 5, 2)), After(60), Every(7)])
def test_a_horizon_that_is_not_over_is_refused_with_the_day_on_which_it_will_be(schedule: Schedule) -> None:
    now = NOW if not isinstance(schedule, Every) else datetime(2025, 3, 20, tzinfo=UTC)
    with pytest.raises(HorizonNotOver, match="are not over until 2025-0"):
        require_past_horizon(lead_days([lead()]), schedule, 30, now)


def test_a_horizon_that_is_over_is_accepted() -> None:
    require_past_horizon(lead_days([lead()]), At(date(2025, 5, 1)), 30, NOW)


def test_outcomes_are_counted_by_lead() -> None:
    rows = Snapshots(np.array([0, 0, 1, 2]), np.array([1, 8, 1, 1]), np.array([True, True, True, False]))
    require_outcomes(rows, "won", 1)
    with pytest.raises(
        TooFewOutcomes, match="2 leads had the outcome won after a snapshot; at least 3 are needed"
    ) as refused:
        require_outcomes(rows, "won", 3)
    assert (refused.value.found, refused.value.needed) == (2, 3)


def test_too_few_leads_without_the_outcome_are_refused_too() -> None:
    rows = Snapshots(np.array([0, 1, 2]), np.array([1, 1, 1]), np.array([True, True, False]))
    with pytest.raises(TooFewOutcomes, match="1 leads did not have the outcome won"):
        require_outcomes(rows, "won", 2)


def test_the_first_outcome_is_that_of_the_first_event_that_the_signal_counts() -> None:
    document = {"on": "Order Completed", "where": {"property": "total", "gte": 50}}
    signal = compile_signal("bought", Signal.model_validate(document))
    orders = [(9, 80), (3, 60), (1, 20)]
    events = [
        event("a", FIRST + timedelta(days=day), "order_completed", properties={"total": total}) for day, total in orders
    ]
    assert first_outcome(events, signal) == FIRST + timedelta(days=3)
    assert first_outcome(events[2:], signal) is None
