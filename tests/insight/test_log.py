"""Events as columns: nothing is lost, and rare fields take little."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.insight.log import columns

VALUES = st.one_of(st.booleans(), st.integers(0, 3), st.sampled_from(["a", "b"]))


@given(st.lists(st.dictionaries(st.sampled_from("xyz"), VALUES), max_size=8))
def test_columns_have_every_value_of_every_row(rows: Sequence[Mapping[str, Any]]) -> None:
    found = columns(rows)
    read: list[dict[str, Any]] = [{} for _ in rows]
    for name, column in found.items():
        for row, code in enumerate(column.codes.tolist()):
            if code >= 0:
                read[row][name] = column.values[code]
    assert [{name: repr(row[name]) for name in sorted(row)} for row in read] == [
        {name: repr(row[name]) for name in sorted(row)} for row in rows
    ]
    assert all(
        rows[example][name] == value
        for name, each in found.items()
        for value, example in zip(each.values, each.examples, strict=True)
    )


def test_fields_that_few_rows_have_take_no_more_than_those_rows() -> None:
    found = columns([{f"field{row}": row} for row in range(1_000)])
    assert sum(each.rows.nbytes + each.indices.nbytes for each in found.values()) == 1_000 * 16
