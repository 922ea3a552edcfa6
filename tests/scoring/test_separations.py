"""Separations: who is apart, and what becomes of it when leads are joined."""

from hypothesis import given
from hypothesis import strategies as st

from app.scoring.separations import are_apart, joined

separations = st.dictionaries(st.sampled_from("abc"), st.integers(0, 1))


@given(separations, separations)
def test_leads_are_apart_exactly_if_they_are_on_different_sides_of_a_split(
    one: dict[str, int], other: dict[str, int]
) -> None:
    assert are_apart(one, other) == are_apart(other, one) == any(one[key] != other[key] for key in one.keys() & other)


@given(separations, separations, separations)
def test_a_lead_is_apart_from_all_that_any_part_of_it_was_apart_from(
    one: dict[str, int], other: dict[str, int], third: dict[str, int]
) -> None:
    if not are_apart(one, other):
        assert are_apart(joined([one, other]), third) == (are_apart(one, third) or are_apart(other, third))


@given(separations, separations)
def test_a_split_with_the_lead_on_both_sides_is_over(one: dict[str, int], other: dict[str, int]) -> None:
    over = {key for key in one.keys() & other if one[key] != other[key]}
    assert joined([one, other]).keys() == (one.keys() | other) - over
