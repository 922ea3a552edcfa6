"""Counting hits at snapshots gives what the engine's rules count."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.insight.snapshots import Snapshots
from app.insight.tallies import Tallies, days_since_last, event_days
from app.scoring.days import Days
from app.scoring.facts import Facts
from app.scoring.rules import FrequencyRule, Profile
from tests.insight.world import START

FIRST = START.toordinal()
hits = st.dictionaries(st.integers(0, 20), st.integers(1, 4), max_size=8)


@given(by_lead=st.lists(hits, min_size=2, max_size=3), day=st.integers(0, 22), within=st.sampled_from([None, 1, 3, 7]))
def test_hits_are_counted_as_the_engine_counts_them(
    by_lead: list[dict[int, int]], day: int, within: int | None
) -> None:
    events = [
        (lead, FIRST + day) for lead, days in enumerate(by_lead) for day, each in days.items() for _ in range(each)
    ]
    leads, days = (np.array([event[part] for event in events], dtype=np.int64) for part in (0, 1))
    rows = Snapshots(
        np.arange(len(by_lead)), np.full(len(by_lead), FIRST + day), np.zeros(len(by_lead), dtype=np.bool_)
    )
    for per_day in (None, 1):
        found = Tallies.of(leads, days).at(rows, within, per_day).tolist()
        rule = FrequencyRule("f", 1, per_day, 1, within or 36_500)
        tallies = [{"f": Days.of({FIRST + day: each for day, each in days.items()})} for days in by_lead]
        assert found == [rule.earned(Profile(Facts(tally=tally), {}), FIRST + day).hits for tally in tallies]


def test_the_last_event_is_the_latest_up_to_the_snapshot() -> None:
    keys = event_days(np.array([0, 0, 1]), np.array([FIRST, FIRST + 9, FIRST + 2]))
    rows = Snapshots(np.array([0, 0, 1]), FIRST + np.array([8, 9, 9]), np.zeros(3, dtype=np.bool_))
    assert days_since_last(keys, rows).tolist() == [8, 0, 7]
