"""Days behave like a dictionary from days to hits, however they are kept."""

import math
from collections.abc import Callable
from functools import reduce
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.scoring.days import LONGEST_GAP, Days, one_hit_on
from app.scoring.decay import Decay

TODAY = 739_000
hits = st.dictionaries(st.integers(TODAY - 60, TODAY), st.integers(1, 9), max_size=12)
day_numbers = st.integers(TODAY - 70, TODAY + 10)
WEIGHTS: list[Callable[[int], float]] = [
    lambda _age: 1.0,
    lambda age: 1.0 if age < 30 else 0.0,
    lambda age: max(0.0, 1 - age / 40),
    lambda age: 2.0 ** (-age / 7),
    lambda age: 2.0 ** (-age / 0.03),
]


def sums(one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
    return {day: total for day in {*one, *other} if (total := one.get(day, 0) + other.get(day, 0))}


def assert_kept_in_runs(days: Days) -> None:
    """The one way in which these days can be kept, so that equal tallies have equal bytes."""
    assert all(run[0] and run[-1] for _, run in days.runs)
    assert all(later - (first + len(run)) > LONGEST_GAP for (first, run), (later, _) in pairwise(days.runs))
    assert all(gap <= LONGEST_GAP for _, run in days.runs for gap in map(len, "".join(map(_mark, run)).split("x")))


def _mark(count: int) -> str:
    return "x" if count else "-"


@given(hits)
def test_days_are_a_mapping(mine: dict[int, int]) -> None:
    days = Days.of(mine)
    assert (dict(days), len(days), bool(days)) == (mine, len(mine), bool(mine))
    assert days == mine
    assert [days.get(day) for day in range(TODAY - 61, TODAY + 2)] == [
        mine.get(day) for day in range(TODAY - 61, TODAY + 2)
    ]
    assert days.total == sum(mine.values())
    assert not mine or days.last == max(mine)
    assert_kept_in_runs(days)


@given(st.lists(hits, min_size=1, max_size=5))
def test_any_number_of_parts_add_up_and_stay_as_they_are(parts: list[dict[int, int]]) -> None:
    days = [Days.of(part) for part in parts]
    total = Days.sum(days)
    assert total == reduce(sums, parts)
    assert [dict(each) for each in days] == parts
    assert_kept_in_runs(total)


@given(hits, hits)
def test_subtracting_and_adding_cancel_each_other_out(mine: dict[int, int], theirs: dict[int, int]) -> None:
    left = Days.of(mine) - Days.of(theirs)
    assert left == sums(mine, {day: -each for day, each in theirs.items()})
    back = Days.sum([left, Days.of(theirs)])
    assert back == Days.sum([Days.of(theirs), left]) == mine
    assert_kept_in_runs(back)


@given(hits, day_numbers, day_numbers)
def test_a_span_has_both_of_its_ends(mine: dict[int, int], first: int, last: int) -> None:
    span = Days.of(mine).between(first, last)
    assert span == {day: each for day, each in mine.items() if first <= day <= last}
    assert not span or span.last == max(span)


@given(hits, st.integers(1, 9) | st.none())
def test_a_cap_applies_to_each_day(mine: dict[int, int], cap: int | None) -> None:
    capped = Days.of(mine).capped(cap)
    assert capped == {day: min(each, cap or 9) for day, each in mine.items()}
    assert capped.total <= Days.of(mine).at_most(cap) <= 9 * Days.of(mine).length


@given(hits, st.integers(TODAY, TODAY + 3_000), st.sampled_from(WEIGHTS))
def test_days_are_weighted_by_their_age(mine: dict[int, int], today: int, weight: Callable[[int], float]) -> None:
    decay = Decay(weight)
    living = Days.of(mine).between(today - decay.lifetime + 1, today)
    assert living == {day: each for day, each in mine.items() if weight(today - day) > 0}
    assert decay.weighted(living, today) == math.fsum(each * weight(today - day) for day, each in mine.items())


def test_a_year_of_daily_hits_is_one_run() -> None:
    days = Days()
    for day in range(TODAY - 365, TODAY):
        days = Days.sum([days, one_hit_on(day)])
    assert days.runs == [(TODAY - 365, [1] * 365)]


def test_days_are_shown_as_they_are_made() -> None:
    days = Days.of({739_000: 2, 739_009: 1})
    assert repr(days) == "Days.of({739000: 2, 739009: 1})"
