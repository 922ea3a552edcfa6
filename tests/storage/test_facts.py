"""Tallies in storage: equal ones have equal bytes, whichever version wrote them."""

from datetime import date

from hypothesis import given

from app.scoring.facts import Tally
from app.storage.facts import tally_from_json, tally_to_json
from app.storage.sql import dumps
from tests.scoring.strategies import tallies


@given(tallies())
def test_a_tally_is_read_as_it_was_written(tally: Tally) -> None:
    assert tally_from_json(tally_to_json(tally)) == tally


@given(tallies())
def test_days_that_were_stored_one_by_one_are_written_in_runs(tally: Tally) -> None:
    one_by_one = {key: {date.fromordinal(day).isoformat(): days[day] for day in days} for key, days in tally.items()}
    assert dumps(tally_to_json(tally_from_json(one_by_one))) == dumps(tally_to_json(tally))
