"""Positions: every path leads to the line and the column of what it names, or of the closest part around it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.scoring.model import as_yaml, load_model
from app.scoring.positions import locate, positions_in
from app.validation.faults import InvalidModel, Position
from tests.scoring.strategies import models

TEXT = """\
name: m   # a comment
signals:
  demo: {on: [Demo Requested, Demo Booked]}
  'company.size': {on: x}
scores:
  fit: &fit
    rules:
      r: {signal: demo,
          points: 5}
  other:
    <<: *fit
    max: 3
stages:
- name: a
- {name: b, when: {all: [{score: fit, gte: 3}]}}
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ("name", 1, 1),
        ("signals.demo.on[1]", 3, 31),
        ("signals.company.size", 4, 3),
        ("signals.company.size.where", 4, 3),
        ("scores.fit.rules.r.points", 9, 11),
        ("scores.fit.rules.r.per_day", 8, 7),
        ("scores.other.max", 12, 5),
        ("scores.other.rules.r.points", 9, 11),
        ("stages[0]", 14, 3),
        ("stages[1].when.all[0].gte", 15, 39),
        ("stages[1].keep.any[2].gte", 15, 3),
        ("stages[7]", 13, 1),
    ],
)
def test_a_path_leads_to_its_place_in_the_text(path: str, line: int, column: int) -> None:
    assert locate(path, positions_in(TEXT)) == Position(line, column)


@pytest.mark.parametrize("path", ["document", "description", ""])
def test_what_concerns_the_whole_document_has_no_place(path: str) -> None:
    assert locate(path, positions_in(TEXT)) is None


@pytest.mark.parametrize("text", [None, "", "a: [", "a: &a [*a]", "- a", "42"])
def test_a_text_that_is_no_model_has_few_positions_or_none(text: str | None) -> None:
    assert set(positions_in(text)) <= {"[0]"}


def values(part: Any, path: str = "") -> list[tuple[str, str]]:
    """The path of every field and element, with the name or the scalar that is written there."""
    if isinstance(part, dict):
        below = [(f"{path}.{key}".removeprefix("."), str(key), item) for key, item in part.items()]
    elif isinstance(part, list):
        below = [(f"{path}[{index}]", "", item) for index, item in enumerate(part)]
    else:
        return []
    return [found for place, name, item in below for found in ((place, name), *values(item, place))]


@settings(max_examples=25)
@given(document=models(), indent=st.sampled_from(["", "# a comment\n\n"]))
def test_every_field_of_a_model_has_a_position_where_its_name_is(document: Any, indent: str) -> None:
    text = indent + as_yaml(document)
    lines, found = text.splitlines(), positions_in(text)
    assert set(found) == {path for path, _ in values(document)}
    for path, name in values(document):
        assert lines[found[path].line - 1][found[path].column - 1 :].lstrip("'\"").startswith(name)


def test_a_syntax_error_has_its_position() -> None:
    with pytest.raises(InvalidModel) as caught:
        load_model("name: small\nstages: [")
    [fault] = caught.value.faults
    assert (fault.path, fault.position) == ("line 2, column 10", Position(2, 10))
